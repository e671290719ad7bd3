package target

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Variant is a set of processors that a package has more code for: one of the
// levels of x86-64, or what an AArch64 processor can do beyond Armv8-A. The zero
// Variant is every processor of an architecture.
type Variant struct {
	// Name is what people call it: x86-64-v3 as rustc and GOAMD64 do,
	// armv8.1-a+aes as compilers of C do (-march), with rustc's names for the
	// features.
	Name   string
	GOARCH string
	// ID is a part of Go names and of names of files.
	ID string
	// Flag makes rustc compile for these processors.
	Flag string
	// Needs is what a processor must have for all that Flag allows: its level on
	// amd64, and on arm64 bits of AT_HWCAP.
	Needs uint64
	// Tag is the build constraint that is true for programs that run on nothing
	// but these processors, by GOAMD64 or GOARM64. It is empty if there is none.
	Tag string
}

// String returns the name.
func (v Variant) String() string { return v.Name }

// Compare orders variants of one architecture, the better first: a set of
// processors comes after all those that are a part of it.
func (v Variant) Compare(w Variant) int {
	if v.GOARCH == "arm64" {
		return bits.OnesCount64(w.Needs) - bits.OnesCount64(v.Needs)
	}
	return int(w.Needs) - int(v.Needs)
}

// feature is an extension of Armv8-A.
type feature struct {
	name string // that rustc has for it
	// hwcap are the bits that Linux sets where it is there (Linux,
	// Documentation/arch/arm64/elf_hwcaps.rst), and those of the features that
	// it implies in rustc.
	hwcap uint64
	// since is N of the Armv8.N-A that has it always, or 0 (Arm Architecture
	// Reference Manual, A2.2, "Architectural features").
	since int
}

// features are those that compilers use by themselves or programs by intrinsics,
// that Linux and golang.org/x/sys/cpu tell, and that the analysis of stacks
// understands. They are sorted by name.
var features = []feature{
	{name: "aes", hwcap: 1<<3 | 1<<4}, // FEAT_AES and FEAT_PMULL
	{name: "crc", hwcap: 1 << 7, since: 1},
	{name: "dotprod", hwcap: 1 << 20, since: 4},
	{name: "fp16", hwcap: 1<<9 | 1<<10}, // of scalars and of vectors
	{name: "lse", hwcap: 1 << 8, since: 1},
	{name: "rcpc", hwcap: 1 << 15, since: 3},
	{name: "rdm", hwcap: 1 << 12, since: 1},
	{name: "sha2", hwcap: sha2},                 // FEAT_SHA1 and FEAT_SHA256
	{name: "sha3", hwcap: 1<<17 | 1<<21 | sha2}, // FEAT_SHA3 and FEAT_SHA512
}

const sha2 = 1<<5 | 1<<6

// levels of x86-64 above the first (System V psABI, "Micro-Architecture Levels").
var levels = []string{"x86-64-v2", "x86-64-v3", "x86-64-v4"}

// armv81 is what every processor of Armv8.1-A has. Later versions add nothing
// more that is here, but for features that can be named.
var armv81 = []string{"crc", "lse", "rdm"}

// ParseVariant returns the variant of a name. The error says which there are.
func ParseVariant(name string) (Variant, error) {
	if i := slices.Index(levels, name); i >= 0 {
		id := strings.TrimPrefix(name, "x86-64-")
		return Variant{Name: name, GOARCH: "amd64", ID: id, Flag: "-Ctarget-cpu=" + name, Needs: uint64(i + 2), Tag: "amd64." + id}, nil
	}
	base, rest, plus := strings.Cut(name, "+")
	var names []string
	switch base {
	case "armv8.1-a":
		names = slices.Clone(armv81)
	case "armv8-a":
		if !plus {
			return Variant{}, fmt.Errorf("names %q, which is every processor; add features: armv8-a+lse", name)
		}
	default:
		return Variant{}, fmt.Errorf("names %q; there are %s, armv8.1-a, and armv8-a or armv8.1-a with features: armv8-a+lse", name, strings.Join(levels, ", "))
	}
	if plus {
		names = append(names, strings.Split(rest, "+")...)
	}
	return armVariant(name, names)
}

// armVariant is the variant of a list of features.
func armVariant(name string, names []string) (Variant, error) {
	v := Variant{Name: name, GOARCH: "arm64"}
	v.ID = strings.NewReplacer("armv", "v", "-a", "", ".", "_", "+", "_").Replace(name)
	slices.Sort(names)
	var flags, known []string
	since, always := 0, true
	for _, f := range features {
		known = append(known, f.name)
		if slices.Contains(names, f.name) {
			flags = append(flags, "+"+f.name)
			v.Needs |= f.hwcap
			since, always = max(since, f.since), always && f.since > 0
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return Variant{}, fmt.Errorf("names %q; the features are %s", name, strings.Join(known, ", "))
		}
	}
	v.Flag = "-Ctarget-feature=" + strings.Join(flags, ",")
	if always {
		v.Tag = fmt.Sprintf("arm64.v8.%d", since)
	}
	return v, nil
}

// Variants lists the names of the variants that programs for a target can have code
// for. +FEATURE stands for one or more of those that ParseVariant knows.
func (t Target) Variants() []string {
	switch {
	case t.Chooses(Variant{GOARCH: "amd64"}):
		return slices.Clone(levels)
	case t.Chooses(Variant{GOARCH: "arm64"}):
		return []string{"armv8.1-a", "armv8-a+FEATURE"}
	}
	return []string{}
}

// Chooses reports whether programs for a target can have code for a variant, and
// find out whether a processor can run it. On darwin/arm64 there is nothing to
// choose: every processor has all the features, and rustc uses them. FreeBSD has
// given wrong bits in AT_HWCAP (sys/arm64/include/elf.h, "originally incorrect").
func (t Target) Chooses(v Variant) bool {
	return t.GOARCH == v.GOARCH && (t.GOARCH == "amd64" || t.GOOS == "linux")
}
