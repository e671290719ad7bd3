package debuginfo

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// A Line says which line the code from Off on comes from, up to the next Line
// of its section. For inlined code that is a line of the innermost function.
type Line struct {
	Off uint64 // in the section, in bytes
	// File has slashes and no ".." inside. It is relative if the compiler was
	// told so, as by --remap-path-prefix, and "" for code that has no line
	// information.
	File string
	Line int // from 1; 0 for code that the compiler made up
}

// Lines returns, for every section of o that want accepts, which lines its code
// comes from, in order of the offset. No two neighbors have the same line, and
// the last says where line information ends, with File "". A nil want accepts
// all. Sections without line information have no entry.
//
// Malformed debug information gives an error in time proportional to its size.
func Lines(o *elfmacho.Object, want func(section int32) bool) (map[int32][]Line, error) {
	lines, err := readLines(o, want)
	if err != nil {
		return nil, fmt.Errorf("%s: debug information: %w", o.Name, err)
	}
	return lines, nil
}

func readLines(o *elfmacho.Object, want func(section int32) bool) (map[int32][]Line, error) {
	s, err := Load(o)
	if err != nil || s.line < 0 {
		return nil, err
	}
	d, err := New(s)
	if err != nil {
		return nil, err
	}
	units := map[int]*Unit{}
	for _, u := range d.Units {
		if units[u.lineOff] == nil {
			units[u.lineOff] = u
		}
	}
	p := lineProgram{Data: d, object: o, want: want, sequences: map[int32][][]Line{}}
	if p.relocs, err = o.Relocs(s.line); err != nil {
		return nil, err
	}
	for off := 0; off < len(s.Line); off = p.header.end {
		if p.header, err = d.lineHeader(off, units[off]); err != nil {
			return nil, err
		}
		if err := p.run(); err != nil {
			return nil, err
		}
	}
	lines := make(map[int32][]Line, len(p.sequences))
	for section, sequences := range p.sequences {
		lines[section] = concat(sequences)
	}
	return lines, nil
}

// concat makes one list of the sequences of a section, each of which ends with a
// line without a file. Where two overlap, which no compiler should write, the
// one that starts later wins.
func concat(sequences [][]Line) []Line {
	if len(sequences) == 1 {
		return sequences[0]
	}
	slices.SortStableFunc(sequences, func(a, b []Line) int {
		if a[0].Off < b[0].Off {
			return -1
		}
		return int(min(a[0].Off-b[0].Off, 1))
	})
	n := 0
	for _, s := range sequences {
		n += len(s)
	}
	list := make([]Line, 0, n)
	for _, s := range sequences {
		for len(list) > 0 && list[len(list)-1].Off > s[0].Off {
			list = list[:len(list)-1]
		}
		for _, l := range s {
			list = appendLine(list, l)
		}
	}
	return list
}

// appendLine appends l, whose offset is not below that of the last in list. Of
// lines of one offset the last wins: the others have no code.
func appendLine(list []Line, l Line) []Line {
	if n := len(list); n > 0 && list[n-1].Off == l.Off {
		list = list[:n-1]
	}
	if n := len(list); n > 0 && list[n-1].Line == l.Line && list[n-1].File == l.File {
		return list
	}
	return append(list, l)
}

// clean gives a file one name: compilers leave ".." and "." where the source
// has them, and backslashes on Windows.
func clean(name string) string { return path.Clean(strings.ReplaceAll(name, `\`, "/")) }
