package signature

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/debuginfo"
)

// maxDepth bounds everything that nests: types in types, modules in modules,
// entries that stand for others.
const maxDepth = 64

// subprogram is a definition of a function, put together from its entry and
// those that it refers to: the declaration (DW_AT_specification), which is where
// rustc describes methods, and the abstract instance (DW_AT_abstract_origin),
// which holds what all inlined and out-of-line copies share.
type subprogram struct {
	symbol, name       string
	code               bool // has machine code, is not just the abstract instance
	external, noreturn bool
	parts              []die // the definition first
}

// unitAt returns the unit that the entry at off belongs to.
func (r *reader) unitAt(off uint64) (*debuginfo.Unit, error) {
	i := sort.Search(len(r.Units), func(i int) bool { return uint64(r.Units[i].End) > off })
	if i == len(r.Units) || off < uint64(r.Units[i].Root) {
		return nil, fmt.Errorf("reference to .debug_info+%#x, where no entry is", off)
	}
	return r.Units[i], nil
}

// target returns the offset in .debug_info that a reference means.
func target(u *debuginfo.Unit, v debuginfo.Value) (uint64, error) {
	switch v.Form {
	case debuginfo.FormRef1, debuginfo.FormRef2, debuginfo.FormRef4, debuginfo.FormRef8, debuginfo.FormRefUdata:
		return uint64(u.Off) + v.N, nil
	case debuginfo.FormRefAddr:
		return v.N, nil
	}
	return 0, fmt.Errorf("reference of form %#x", v.Form)
}

// follow reads the entry that v, an attribute in u, refers to.
func (r *reader) follow(u *debuginfo.Unit, v debuginfo.Value, d *die) error {
	off, err := target(u, v)
	if err != nil {
		return err
	}
	if u, err = r.unitAt(off); err != nil {
		return err
	}
	return r.read(u, int(off), d)
}

// chain returns d and the entries that it stands for.
func (r *reader) chain(d *die) ([]die, error) {
	parts := []die{*d}
	for len(parts) < maxDepth {
		last := &parts[len(parts)-1]
		ref := last.origin
		if !ref.Set {
			ref = last.specification
		}
		if !ref.Set {
			return parts, nil
		}
		var next die
		if err := r.follow(last.unit, ref, &next); err != nil {
			return nil, err
		}
		parts = append(parts, next)
	}
	return nil, errors.New("entries that refer to each other in a circle")
}

// symbol returns the name of the symbol that d defines.
func (r *reader) symbol(d *die) ([]byte, bool) {
	if d.linkage.Set {
		return r.Bytes(d.unit, d.linkage), true
	}
	if !d.origin.Set && !d.specification.Set {
		return r.Bytes(d.unit, d.name), d.name.Set
	}
	parts, err := r.chain(d)
	if err != nil {
		return nil, false
	}
	for i := range parts {
		if parts[i].linkage.Set {
			return r.Bytes(parts[i].unit, parts[i].linkage), true
		}
	}
	for i := range parts {
		if parts[i].name.Set {
			return r.Bytes(parts[i].unit, parts[i].name), true
		}
	}
	return nil, false
}

func (r *reader) subprogram(d *die) (*subprogram, error) {
	parts, err := r.chain(d)
	if err != nil {
		return nil, err
	}
	symbol, _ := r.symbol(d)
	p := &subprogram{symbol: string(symbol), code: d.lowpc.Set || d.ranges.Set, parts: parts}
	for i := range parts {
		part := &parts[i]
		p.external = p.external || part.external.N != 0
		p.noreturn = p.noreturn || part.noreturn.N != 0
		if p.name == "" {
			p.name = r.String(part.unit, part.name)
		}
	}
	return p, nil
}

// below returns a file relative to dir, where it lies below it.
func below(dir, file string) string {
	if dir != "" {
		if rel, ok := strings.CutPrefix(file, strings.TrimSuffix(dir, "/")+"/"); ok {
			return rel
		}
	}
	return file
}

func (r *reader) function(p *subprogram) (Function, error) {
	f := Function{Symbol: p.symbol, Name: p.name, Diverges: p.noreturn}
	// The last part is the one that the namespace of the function encloses.
	outermost := r.scopeOf(p.parts[len(p.parts)-1].off)
	for outermost != nil && outermost.parent != nil {
		outermost = outermost.parent
	}
	if outermost != nil {
		f.Crate = outermost.name
	}
	for i := range p.parts {
		part := &p.parts[i]
		if f.Line == 0 && part.declLine.Set {
			f.Line = int(part.declLine.N)
		}
		if f.File == "" && part.declFile.Set {
			file, err := r.File(part.unit, part.declFile.N)
			if err != nil {
				return f, err
			}
			f.CompDir = part.unit.CompDir
			f.File, f.RelFile = file, below(f.CompDir, file)
		}
		if f.Result == nil && part.typ.Set {
			t, err := r.typeOf(part.unit, part.typ, 0)
			if err != nil {
				return f, fmt.Errorf("result: %w", err)
			}
			f.Result = t
		}
	}
	switch {
	case f.Result == nil:
	case f.Result.Kind == Never:
		f.Result, f.Diverges = nil, true
	case f.Result.Kind == Unit:
		f.Result = nil
	}
	// An out-of-line copy may lack parameters that its abstract instance has;
	// a declaration has them all, but without names.
	var best []Param
	for i := range p.parts {
		params, err := r.params(&p.parts[i])
		if err != nil {
			return f, err
		}
		if len(params) > len(best) {
			best = params
		}
	}
	f.Params = best
	return f, nil
}

// params reads the formal parameters among the children of d.
func (r *reader) params(d *die) ([]Param, error) {
	var params []Param
	err := r.each(d, func(child *die) error {
		if child.tag != dwarf.TagFormalParameter {
			return nil
		}
		parts, err := r.chain(child)
		if err != nil {
			return err
		}
		var p Param
		for i := range parts {
			part := &parts[i]
			if p.Name == "" {
				p.Name = r.String(part.unit, part.name)
			}
			if p.Line == 0 {
				p.Line = int(part.declLine.N)
			}
			if p.Type == nil && part.typ.Set {
				if p.Type, err = r.typeOf(part.unit, part.typ, 0); err != nil {
					return fmt.Errorf("parameter %d: %w", len(params), err)
				}
			}
		}
		if p.Type == nil {
			return fmt.Errorf("parameter %d has no type", len(params))
		}
		params = append(params, p)
		return nil
	})
	return params, err
}

// each calls do with every child of d. It does not recurse: entries can be
// nested as deep as the input is long.
func (r *reader) each(d *die, do func(child *die) error) error {
	if !d.children {
		return nil
	}
	u := d.unit
	var child die
	for off, depth := d.next, 0; off < u.End; off = child.next {
		step := r.peek
		if depth == 0 {
			step = r.read
		}
		if err := step(u, off, &child); err != nil {
			return err
		}
		if child.null {
			if depth--; depth < 0 {
				return nil
			}
			continue
		}
		if depth == 0 {
			next, children := child.next, child.children
			if err := do(&child); err != nil {
				return err
			}
			child.next, child.children = next, children
		}
		if child.children {
			depth++
		}
	}
	return nil
}
