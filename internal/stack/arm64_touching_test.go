package stack

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/arm64"
)

func TestTouching(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		want       bool
	}{
		{"neither", "add x27, x29, x0", false},
		{"writes", "mov x28, x0", true},
		{"writes half", "mov w28, w0", true},
		{"reads", "mov x0, x28", true},
		{"adds", "add x0, x1, x28, lsl #3", true},
		{"multiplies and adds", "madd x0, x1, x2, x28", true},
		{"compares", "cmp x28, #1", true},
		{"branches by it", "cbz x28, f", true},
		{"addresses by it", "ldr x0, [x28]", true},
		{"indexes by it", "ldr x0, [x1, x28]", true},
		{"saves it", "stp x28, x27, [sp, #-16]", true},
		{"restores it", "ldp x27, x28, [sp]", true},
		{"calls it", "blr x28", true},
		{"converts it", "fmov d0, x28", true},
		{"steps by it", "ld1 {v0.16b}, [x0], x28", true},
		{"a vector register of that number", "fadd d28, d28, d28\nldr q28, [x0]", false},
		{"data that looks like it", "ret\n.word 0xaa0003fc", false},
		{"a word that is not known", ".inst 0x043f503f", true},
	} {
		a := analyzeFile(t, "test.o", crossARM64.assemble(t, "fn f\n"+tt.code+"\nb g\nfn g\nret\n"), "f")
		got := a.Touching(arm64.X28)
		if want := []string{"f"}; tt.want != slices.Equal(got, want) || !tt.want && len(got) > 0 {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
	if got := analyze(t, leaf).Touching(4); got != nil {
		t.Errorf("amd64: got %v", got)
	}
}

// Functions that only run on a stack of a panic handler do not count, and those
// in front of the switch do.
func TestTouchingHere(t *testing.T) {
	code := func(before, f string) string {
		return "fn f\n" + f + "\nb fails\nfn before\n" + before + "\nret\nfn fails\n" +
			"stp x29, x30, [sp, #-16]!\nbl before\nadrp x1, stack\nadd x1, x1, :lo12:stack\nmov sp, x1\nbl report\nbrk #1\n" +
			"fn report\nmov x28, x0\nret\n.bss\n.balign 16\nstack: .zero 256\n"
	}
	for _, tt := range []struct {
		name, before, f string
		want            []string
	}{
		{"behind the switch", "nop", "nop", nil},
		{"before the switch", "mov x0, x28", "nop", []string{"before"}},
		{"called by others too", "nop", "bl report", []string{"report"}},
	} {
		a := analyzeFile(t, "test.o", crossARM64.assemble(t, code(tt.before, "stp x29, x30, [sp, #-16]!\n"+tt.f+"\nldp x29, x30, [sp], #16")), "f")
		if got := a.TouchingHere(arm64.X28); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if got := a.Touching(arm64.X28); !slices.Contains(got, "report") {
			t.Errorf("%s: Touching is %v", tt.name, got)
		}
	}
}

// TestTouchingObjdump compares the list with what llvm-objdump prints, for x28
// and x18 in all of core, alloc and compiler_builtins.
func TestTouchingObjdump(t *testing.T) {
	needTarget(t, arm64Target)
	tool, err := exec.LookPath("llvm-objdump-19")
	if err != nil {
		missing(t, "llvm-objdump-19 is missing")
	}
	data := coreARM64(t)
	file := filepath.Join(t.TempDir(), "lib.a")
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	dump, err := exec.Command(tool, "-d", file).Output()
	if err != nil {
		t.Logf("%v", err) // the archive also holds metadata
	}
	set := coreSet(t, data)
	a, err := Analyze(set)
	if err != nil {
		t.Fatal(err)
	}
	for register, pattern := range map[int]string{arm64.X28: `\b[xw]28\b`, arm64.X18: `\b[xw]18\b`} {
		uses, functions := regexp.MustCompile(pattern), map[string]bool{}
		name := ""
		lines := bufio.NewScanner(strings.NewReader(string(dump)))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			line := lines.Text()
			if _, rest, ok := strings.Cut(line, " <"); ok && strings.HasSuffix(rest, ">:") {
				name = strings.TrimSuffix(rest, ">:")
			} else if _, text, ok := strings.Cut(line, "\t"); ok && uses.MatchString(strings.Split(text, "<")[0]) {
				functions[name] = true
			}
		}
		p := a.graph.r.program
		var want []string
		for _, ref := range set.Live {
			for _, sym := range p.sections[ref].symbols {
				_, demangled := p.nameOf(place{ref, sym.off})
				if functions[sym.name] && sym.rank < 2 && !slices.Contains(want, demangled) {
					want = append(want, demangled)
				}
			}
		}
		got := a.Touching(register)
		slices.Sort(got)
		slices.Sort(want)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("x%d: got %d functions, want %d:\n%v\n%v", register, len(got), len(want), got, want)
		}
		t.Logf("x%d: %d functions", register, len(got))
	}
}
