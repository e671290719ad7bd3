package driver

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/image"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
	"github.com/cargo-rustgo/cargo-rustgo/internal/stack"
)

// deep reports whether a section of code has a frame that is too large for a
// nosplit function.
func deep(analysis *stack.Analysis, r link.Ref) bool {
	steps, _ := analysis.Depths(r)
	for _, s := range steps {
		if s.Depth > emit.MaxNosplitDepth {
			return true
		}
	}
	return false
}

// describe collects what is known of the functions of an image: their frames,
// and which lines they come from.
func describe(analysis *stack.Analysis, set *link.Set, img *image.Image) []emit.Code {
	live := map[int32]map[int32]bool{} // sections by object
	for _, c := range img.Code {
		if live[c.Section.Object] == nil {
			live[c.Section.Object] = map[int32]bool{}
		}
		live[c.Section.Object][c.Section.Section] = true
	}
	lines := map[link.Ref][]debuginfo.Line{}
	for i, o := range set.Objects {
		sections := live[int32(i)]
		if len(sections) == 0 {
			continue
		}
		// Lines are for people: what cannot be read is left out.
		byID, err := debuginfo.Lines(o, func(s int32) bool { return sections[s] })
		if err != nil {
			continue
		}
		for s, list := range byID {
			lines[link.Ref{Object: int32(i), Section: s}] = list
		}
	}
	list := make([]emit.Code, len(img.Code))
	for i := range img.Code {
		r := img.Code[i].Section
		list[i].Lines = lines[r]
		list[i].Data = set.Section(r).DataInCode
		list[i].Steps, list[i].Known = analysis.Depths(r)
	}
	return list
}
