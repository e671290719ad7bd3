package target

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestParseVariant(t *testing.T) {
	for _, tt := range []struct {
		name string
		want Variant
	}{
		{"x86-64-v2", Variant{Name: "x86-64-v2", GOARCH: "amd64", ID: "v2", Flag: "-Ctarget-cpu=x86-64-v2", Needs: 2, Tag: "amd64.v2"}},
		{"x86-64-v4", Variant{Name: "x86-64-v4", GOARCH: "amd64", ID: "v4", Flag: "-Ctarget-cpu=x86-64-v4", Needs: 4, Tag: "amd64.v4"}},
		{"armv8-a+lse", Variant{Name: "armv8-a+lse", GOARCH: "arm64", ID: "v8_lse", Flag: "-Ctarget-feature=+lse", Needs: 0x100, Tag: "arm64.v8.1"}},
		{"armv8.1-a", Variant{Name: "armv8.1-a", GOARCH: "arm64", ID: "v8_1", Flag: "-Ctarget-feature=+crc,+lse,+rdm", Needs: 0x1180, Tag: "arm64.v8.1"}},
		{"armv8.1-a+rcpc", Variant{Name: "armv8.1-a+rcpc", GOARCH: "arm64", ID: "v8_1_rcpc", Flag: "-Ctarget-feature=+crc,+lse,+rcpc,+rdm", Needs: 0x9180, Tag: "arm64.v8.3"}},
		{"armv8.1-a+lse+dotprod", Variant{Name: "armv8.1-a+lse+dotprod", GOARCH: "arm64", ID: "v8_1_lse_dotprod", Flag: "-Ctarget-feature=+crc,+dotprod,+lse,+rdm", Needs: 0x101180, Tag: "arm64.v8.4"}},
		{"armv8-a+sha3+aes", Variant{Name: "armv8-a+sha3+aes", GOARCH: "arm64", ID: "v8_sha3_aes", Flag: "-Ctarget-feature=+aes,+sha3", Needs: 0x220078}},
	} {
		if got, err := ParseVariant(tt.name); err != nil || got != tt.want {
			t.Errorf("ParseVariant(%q) = %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
	for _, name := range []string{"", "x86-64", "x86-64-v1", "x86-64-v3+aes", "armv8-a", "armv8.2-a", "armv8-a+", "armv8-a+sve", "armv8.1-a+lse+", "lse", "armv8-a-lse"} {
		if v, err := ParseVariant(name); err == nil {
			t.Errorf("ParseVariant(%q) = %+v", name, v)
		}
	}
}

func TestVariantCompare(t *testing.T) {
	var list []Variant
	for _, name := range []string{"armv8-a+aes", "armv8.1-a+rdm", "armv8.1-a+aes", "armv8-a+lse"} {
		v, err := ParseVariant(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, Variant.Compare)
	var names []string
	for _, v := range list {
		names = append(names, v.Name)
	}
	if got, want := strings.Join(names, " "), "armv8.1-a+aes armv8.1-a+rdm armv8-a+aes armv8-a+lse"; got != want {
		t.Errorf("best first: %s, want %s", got, want)
	}
}

// rustcFeatures returns the features that rustc has for a target with a flag. All
// tests that use it agree with rustc, not with the table.
func rustcFeatures(t *testing.T, triple string, flags ...string) []string {
	t.Helper()
	out, err := exec.Command("rustc", append([]string{"--print=cfg", "--target=" + triple}, flags...)...).CombinedOutput()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Skip(err)
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "warning") {
			t.Errorf("%v: %s", flags, line)
		}
		if f, ok := strings.CutPrefix(strings.TrimSpace(line), `target_feature="`); ok {
			list = append(list, strings.TrimSuffix(f, `"`))
		}
	}
	return list
}

// What a feature allows rustc to use is in what a processor must have for it:
// nothing else comes with it, but for what has bits in the table.
func TestFeaturesImply(t *testing.T) {
	base := rustcFeatures(t, "aarch64-unknown-linux-gnu")
	for _, f := range features {
		for _, implied := range rustcFeatures(t, "aarch64-unknown-linux-gnu", "-Ctarget-feature=+"+f.name) {
			if slices.Contains(base, implied) {
				continue
			}
			i := slices.IndexFunc(features, func(f feature) bool { return f.name == implied })
			if i < 0 || features[i].hwcap&^f.hwcap != 0 {
				t.Errorf("%s implies %s, which is not asked for", f.name, implied)
			}
		}
	}
}

// Every processor that rustc compiles for on darwin/arm64 has all features.
func TestFeaturesOfApple(t *testing.T) {
	all := rustcFeatures(t, "aarch64-apple-darwin")
	for _, f := range features {
		if !slices.Contains(all, f.name) {
			t.Errorf("no %s on darwin/arm64", f.name)
		}
	}
}

// TestFeaturesOfLinux compares the table with Linux's header and with GCC.
func TestFeaturesOfLinux(t *testing.T) {
	gcc := func(march string) string {
		cmd := exec.Command("aarch64-linux-gnu-gcc", "-march="+march, "-dM", "-E", "-x", "c", "-")
		cmd.Stdin = strings.NewReader("#include <asm/hwcap.h>\n")
		out, err := cmd.CombinedOutput()
		if err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Skip(err)
		}
		return string(out)
	}
	for name, want := range map[string]struct {
		bits  []string
		macro string // of GCC 12; it has none for rcpc
	}{
		"aes":     {[]string{"AES", "PMULL"}, "AES"},
		"crc":     {[]string{"CRC32"}, "CRC32"},
		"dotprod": {[]string{"ASIMDDP"}, "DOTPROD"},
		"fp16":    {[]string{"FPHP", "ASIMDHP"}, "FP16_SCALAR_ARITHMETIC"},
		"lse":     {[]string{"ATOMICS"}, "ATOMICS"},
		"rcpc":    {[]string{"LRCPC"}, ""},
		"rdm":     {[]string{"ASIMDRDM"}, "QRDMX"},
		"sha2":    {[]string{"SHA1", "SHA2"}, "SHA2"},
		"sha3":    {[]string{"SHA3", "SHA512", "SHA1", "SHA2"}, "SHA3"},
	} {
		i := slices.IndexFunc(features, func(f feature) bool { return f.name == name })
		if i < 0 {
			t.Fatalf("no %s", name)
		}
		header := gcc("armv8-a")
		var hwcap uint64
		for bit := range 64 {
			for _, b := range want.bits {
				if strings.Contains(header, fmt.Sprintf("#define HWCAP_%s (1 << %d)\n", b, bit)) {
					hwcap |= 1 << bit
				}
			}
		}
		if hwcap != features[i].hwcap {
			t.Errorf("%s: bits %#x, in asm/hwcap.h %#x", name, features[i].hwcap, hwcap)
		}
		for minor := 1; minor < 6; minor++ {
			has := strings.Contains(gcc(fmt.Sprintf("armv8.%d-a", minor)), "__ARM_FEATURE_"+want.macro+" ")
			if since := features[i].since; want.macro != "" && has != (since > 0 && minor >= since) {
				t.Errorf("%s: in Armv8.%d-A %v, since %d", name, minor, has, since)
			}
		}
	}
	if len(features) != 9 {
		t.Errorf("%d features, of which 9 are compared", len(features))
	}
}

func TestVariants(t *testing.T) {
	for _, target := range All() {
		for _, name := range target.Variants() {
			name = strings.Replace(name, "FEATURE", "aes", 1)
			if v, err := ParseVariant(name); err != nil || !target.Chooses(v) {
				t.Errorf("%s lists %s: %v", target, name, err)
			}
		}
	}
}
