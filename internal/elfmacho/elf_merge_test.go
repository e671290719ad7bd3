package elfmacho

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMerge splits what an assembler wrote and follows every reference.
func TestMerge(t *testing.T) {
	source := `
	.section .rodata.str1.1,"aMS",@progbits,1
one:	.asciz "one"
	.asciz ""
three:	.asciz "three"
	.section .rodata.str2.2,"aMS",@progbits,2
wide:	.short 65, 66, 0
wide2:	.short 256, 0
	.section .rodata.cst16,"aM",@progbits,16
c0:	.quad 1, 2
c1:	.quad 3, 4
	.section .rodata.cst8,"aM",@progbits,8
	.type spans,@object
	.size spans, 16
spans:	.quad 5, 6
	.section .rodata.odd,"aM",@progbits,8
odd:	.quad 7
	.data
	.quad one, three, three+2, wide2, c1, spans+8, odd
	.text
	lea three(%rip), %rax
	movaps c1(%rip), %xmm0
`
	dir := t.TempDir()
	in, out := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.o")
	if err := os.WriteFile(in, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("gcc", "-c", "-o", out, in).CombinedOutput(); err != nil {
		t.Skipf("%v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Parse("a.o", data)
	if err != nil {
		t.Fatal(err)
	}
	// refers returns the bytes from the place that a reference names on.
	refers := func(section string, off uint64) string {
		for i := range o.Sections {
			if o.Sections[i].Name != section {
				continue
			}
			relocs, err := o.Relocs(int32(i))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range relocs {
				if r.Off != off {
					continue
				}
				s := &o.Symbols[r.Symbol]
				at := int64(s.Value) + r.Addend
				if r.Kind.Info().PCRel {
					at += 4
				}
				return string(o.Sections[s.Section].Data[at:])
			}
		}
		t.Fatalf("nothing refers from %s+%d", section, off)
		return ""
	}
	for i, want := range []string{"one\x00", "three\x00", "ree\x00", "\x00\x01\x00\x00", "\x03" + zeros(7) + "\x04" + zeros(7), "\x06" + zeros(7), "\x07" + zeros(7)} {
		if got := refers(".data", uint64(8*i)); got != want {
			t.Errorf("pointer %d leads to %q, want %q", i, got, want)
		}
	}
	if got := refers(".text", 3); got != "three\x00" {
		t.Errorf("lea leads to %q", got)
	}
	if got := refers(".text", 10); !strings.HasPrefix(got, "\x03") || len(got) != 16 {
		t.Errorf("movaps leads to %q", got)
	}
	pieces := 0
	for i := range o.Sections {
		if o.Sections[i].Mergeable {
			pieces++
		}
	}
	if pieces != 3+2+2 {
		t.Errorf("%d pieces, want 7: strings, wide strings and constants of 16 bytes", pieces)
	}
}

func zeros(n int) string { return strings.Repeat("\x00", n) }

// A string without an end would run into what follows.
func TestMergeUnterminated(t *testing.T) {
	s := &Section{Name: ".rodata.str1.1", Size: 3, Data: []byte("abc")}
	_, err := pieceStarts(s, &elfSection{entsize: 1, flags: shfStrings}, 100)
	if err == nil || !strings.Contains(err.Error(), "no end") {
		t.Errorf("got %v", err)
	}
}

// A section with more pieces than are worth it stays whole.
func TestMergeBudget(t *testing.T) {
	s := &Section{Name: ".rodata.str1.1", Size: 1000, Data: make([]byte, 1000)}
	if starts, err := pieceStarts(s, &elfSection{entsize: 1, flags: shfStrings}, 999); starts != nil || err != nil {
		t.Errorf("%d pieces, %v", len(starts), err)
	}
}
