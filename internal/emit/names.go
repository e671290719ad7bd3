package emit

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
)

// symbols names the assembler's functions after the Rust ones: their paths, as
// if crates were Go packages below rust/.
func (p *Platform) symbols(pkg string) []string {
	exports := map[string]bool{}
	for _, e := range p.Image.Exports {
		exports[e.Name] = true
	}
	used := map[string]int{}
	var names []string
	add := func(name string) {
		used[name]++
		if n := used[name]; n > 1 {
			name = fmt.Sprintf("%s·%d", name, n)
		}
		names = append(names, name+"<>")
	}
	for i := range p.Image.Code {
		name := p.Image.Code[i].Name
		if exports[name] {
			add("rust∕" + pkg + "·" + assemblyName(name))
		} else {
			add("rust∕" + assemblyName(demangled(name)))
		}
	}
	if p.Image.Constants < p.Image.Memory[image.Text].Size {
		add("rust∕" + pkg + "·constants")
	}
	return names
}

// assemblyName makes an identifier of the path of a Rust function: without
// generic arguments and the traits of methods, and with dots between its parts.
//
//	<sha2::Sha256 as digest::Update>::update   sha2·Sha256·update
//	core::slice::sort::heapsort::<u64, F>      core·slice·sort·heapsort
//	krate::run::{closure#0}                    krate·run·closure0
func assemblyName(path string) string {
	var parts []string
	for _, part := range segments(path) {
		if inner, ok := strings.CutPrefix(part, "<"); ok {
			// The type of a method.
			inner, _, _ = cutTop(strings.TrimSuffix(inner, ">"), " as ")
			if _, typ, ok := cutTop(inner, " for "); ok {
				inner = typ // impl Trait for Type
			}
			inner = strings.TrimPrefix(strings.TrimPrefix(inner, "impl "), "dyn ")
			if name := assemblyName(inner); name != "" {
				parts = append(parts, name)
			}
			continue
		}
		part, _, _ = cutTop(part, "<")
		name := strings.Map(func(r rune) rune {
			if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, part)
		if name != "" {
			parts = append(parts, name)
		}
	}
	name := strings.Join(parts, "·")
	if name == "" {
		return "anonymous"
	}
	return name
}

// segments splits a path at each :: that is not between angle brackets.
func segments(path string) []string {
	var list []string
	for {
		head, tail, found := cutTop(path, "::")
		list = append(list, head)
		if !found {
			return list
		}
		path = tail
	}
}

// cutTop is strings.Cut, but sep must not be inside of angle brackets.
func cutTop(s, sep string) (before, after string, found bool) {
	depth := 0
	for i := range len(s) {
		if depth == 0 && i > 0 && strings.HasPrefix(s[i:], sep) {
			return s[:i], s[i+len(sep):], true
		}
		switch {
		case s[i] == '<':
			depth++
		case s[i] == '>' && !strings.HasSuffix(s[:i], "-"):
			depth--
		}
	}
	return s, "", false
}
