package elfmacho

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
)

// A section with SHF_MERGE holds constants of one size, or strings, each of
// which a linker may move, drop or share (gABI, "Section Attribute Flags").
// References name a constant by a symbol at its start, or by the section's
// symbol and the offset as addend. Compilers order the constants as they
// like, rustc by hashes that differ from one directory to the next, so a
// section is split into its constants: each is a Section of its own.

// elfPieces is how a section was split.
type elfPieces struct {
	starts  []uint64 // offsets in the section, ascending, the first 0
	section int32    // of the first piece; the others follow
	symbol  int32    // a symbol for the first piece; the others follow
}

// find returns the piece that holds an offset, or the last one.
func (e *elfPieces) find(off int64) int32 {
	i, exact := slices.BinarySearch(e.starts, uint64(max(off, 0)))
	if !exact {
		i--
	}
	return int32(i)
}

// merge splits the mergeable sections and moves the symbols in them.
func (p *elfParser) merge() error {
	budget := len(p.data)/16 + 1<<16 // no more pieces than strings of a usual length
	candidates := map[int32][]uint64{}
	for i := range p.count {
		h := p.section(i)
		s := &p.obj.Sections[i]
		if h.flags&shfMerge == 0 || s.Kind != ReadOnly || s.Relocated > 0 || s.Size == 0 || s.Retain {
			continue
		}
		starts, err := pieceStarts(s, &h, budget)
		if err != nil {
			return err
		}
		if len(starts) > 1 {
			candidates[int32(i)] = starts
			budget -= len(starts)
		}
	}
	// A symbol that covers more than one piece keeps its section whole.
	for i := range p.obj.Symbols {
		s := &p.obj.Symbols[i]
		starts := candidates[s.Section]
		if starts == nil || s.Type == SectionSym {
			continue
		}
		next := sort.Search(len(starts), func(k int) bool { return starts[k] > s.Value })
		if next < len(starts) && s.Value+s.Size > starts[next] {
			delete(candidates, s.Section)
		}
	}
	for i := range int32(p.count) {
		if starts := candidates[i]; starts != nil {
			p.split(i, starts)
		}
	}
	if len(p.pieces) == 0 {
		return nil
	}
	for i := range p.obj.Symbols {
		s := &p.obj.Symbols[i]
		if e := p.pieces[s.Section]; e != nil && s.Type != SectionSym {
			k := e.find(int64(s.Value))
			s.Section, s.Value = e.section+k, s.Value-e.starts[k]
		}
	}
	for i := range p.obj.Groups {
		g := &p.obj.Groups[i]
		for _, member := range g.Sections {
			if e := p.pieces[member]; e != nil {
				for k := range e.starts {
					g.Sections = append(g.Sections, e.section+int32(k))
				}
			}
		}
	}
	return nil
}

// pieceStarts returns where the constants of a section start, or nil if there
// are more than limit or the section does not keep to its entry size.
func pieceStarts(s *Section, h *elfSection, limit int) ([]uint64, error) {
	size := h.entsize
	if size == 0 || size > s.Size || s.Size%size != 0 {
		return nil, nil
	}
	if h.flags&shfStrings == 0 {
		if s.Size/size > uint64(max(limit, 0)) {
			return nil, nil
		}
		starts := make([]uint64, s.Size/size)
		for i := range starts {
			starts[i] = uint64(i) * size
		}
		return starts, nil
	}
	end := make([]byte, size)
	if !bytes.HasSuffix(s.Data, end) {
		return nil, bad(h.off, "section %s: the last string has no end", s.Name)
	}
	var starts []uint64
	for off := uint64(0); off < s.Size; {
		if starts = append(starts, off); len(starts) > limit {
			return nil, nil
		}
		if size == 1 {
			off += uint64(bytes.IndexByte(s.Data[off:], 0)) + 1
			continue
		}
		for !bytes.Equal(s.Data[off:off+size], end) {
			off += size
		}
		off += size
	}
	return starts, nil
}

// split appends a section and a symbol for each piece. What is left of the
// section itself is empty.
func (p *elfParser) split(section int32, starts []uint64) {
	whole := p.obj.Sections[section]
	if p.pieces == nil {
		p.pieces = map[int32]*elfPieces{}
	}
	p.pieces[section] = &elfPieces{starts, int32(len(p.obj.Sections)), int32(len(p.obj.Symbols))}
	for k, start := range starts {
		end := whole.Size
		if k+1 < len(starts) {
			end = starts[k+1]
		}
		piece := whole
		piece.Size, piece.Data, piece.Mergeable = end-start, whole.Data[start:end:end], true
		p.obj.Symbols = append(p.obj.Symbols, Symbol{Section: int32(len(p.obj.Sections)), Type: SectionSym})
		p.obj.Sections = append(p.obj.Sections, piece)
	}
	p.obj.Sections[section].Size, p.obj.Sections[section].Data = 0, whole.Data[:0]
}

// retarget turns a reference to the symbol of a section that was split into
// one to the piece.
func (p *elfParser) retarget(r *Reloc) error {
	s := &p.obj.Symbols[r.Symbol]
	e := p.pieces[s.Section]
	if e == nil || s.Type != SectionSym {
		return nil
	}
	off := int64(s.Value) + r.Addend
	if r.Kind.Info().PCRel {
		off += p.machine.operand
	}
	if off < 0 || off > int64(e.starts[len(e.starts)-1])+int64(p.obj.Sections[e.section+int32(len(e.starts)-1)].Size) {
		return fmt.Errorf("a reference to offset %#x of the mergeable section %s", off, p.obj.Sections[s.Section].Name)
	}
	k := e.find(off)
	r.Symbol, r.Addend = e.symbol+k, r.Addend+int64(s.Value)-int64(e.starts[k])
	return nil
}
