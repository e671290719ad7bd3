package signature

import (
	"fmt"
	"slices"
	"strings"
)

// Subroutine is what a FuncPointer points to.
type Subroutine struct {
	Params []*Type
	Result *Type // nil for ()
}

// Callback is a Go function that Rust calls: a parameter, or a method of one
// that is an interface.
type Callback struct {
	Method string // Rust's name of the method; empty for a function
	Name   string // Go's, which no other method of the interface has
	Params []*Type
	Result *Type // nil if it returns nothing, or an error alone
	Error  bool  // it returns an error, after the result
}

// rustgoCall is the path of the types of the crate rustgo that stand for what
// Rust calls.
const rustgoCall = "rustgo::call::"

// Callbacks returns the functions that Rust may call if t is a function or an
// interface of Go's: the types Func and Interface of the crate rustgo. It is
// empty for an interface without methods.
func (t *Type) Callbacks() (list []Callback, ok bool) {
	switch phantom := t.goValue(); {
	case phantom == nil:
		return nil, false
	case phantom.Kind == FuncPointer && phantom.Func != nil:
		return []Callback{newCallback("", phantom.Func)}, true
	case phantom.Kind == Struct:
		names := map[string]bool{}
		for _, f := range phantom.Fields {
			if f.Type.Kind != FuncPointer || f.Type.Func == nil {
				return nil, false
			}
			c := newCallback(f.Name, f.Type.Func)
			for c.Name = GoName(f.Name); names[c.Name]; {
				c.Name += "_"
			}
			names[c.Name] = true
			list = append(list, c)
		}
		return list, true
	}
	return nil, false
}

// goValue returns what describes t if it stands for a Go value that can be
// called: a FuncPointer, or a Struct with one for each method.
func (t *Type) goValue() *Type {
	if t.Kind != Struct || t.Size != 8 || !strings.HasPrefix(t.Name, rustgoCall+"Func<") && t.trait() == "" {
		return nil
	}
	for _, f := range t.Fields {
		if f.Name == "signature" || f.Name == "methods" {
			return f.Type.Phantom
		}
	}
	return nil
}

// IsGoValue reports whether t stands for a value of Go's: a function, an interface or
// an error.
func (t *Type) IsGoValue() bool { return t.goValue() != nil || t.isError() }

// trait returns the path of the trait if t is an interface of Go's, or "".
func (t *Type) trait() string {
	name, ok := strings.CutPrefix(t.Name, rustgoCall+"Interface<dyn ")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(name, ">")
}

// isError reports whether t is an error value of Go's.
func (t *Type) isError() bool { return t.Name == rustgoCall+"Error" && t.Size == 8 }

func newCallback(method string, s *Subroutine) Callback {
	c := Callback{Method: method, Params: s.Params, Result: s.Result}
	if s.Result == nil {
		return c
	}
	switch r := s.Result; {
	case r.isOptionalError():
		c.Result, c.Error = nil, true
	case r.Kind == Tuple && len(r.Fields) == 2 && r.field("__1").isOptionalError():
		c.Result, c.Error = r.field("__0"), true
	case r.Kind == Variant && strings.HasPrefix(r.Name, "core::result::Result<") && r.payload("Err") != nil && r.payload("Err").isError():
		c.Result, c.Error = r.payload("Ok"), true
	}
	if c.Result != nil && c.Result.Kind == Unit {
		c.Result = nil
	}
	return c
}

func (t *Type) isOptionalError() bool {
	return t.Kind == Variant && strings.HasPrefix(t.Name, "core::option::Option<") && t.payload("Some") != nil && t.payload("Some").isError()
}

// field returns the type of a field, or one that is nothing.
func (t *Type) field(name string) *Type {
	i := slices.IndexFunc(t.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return new(Type)
	}
	return t.Fields[i].Type
}

// payload returns what a case of a Variant holds, if that is one thing.
func (t *Type) payload(variant string) *Type {
	if f := t.field(variant).Fields; len(f) == 1 {
		return f[0].Type
	}
	return nil
}

// refuseCallbacks returns why Go cannot hand over t, or "".
func (t *Type) refuseCallbacks() (reason, help string) {
	list, ok := t.Callbacks()
	if !ok {
		return "it does not say what Rust calls", "use rustgo::Func<fn(…) -> …>, or rustgo::Interface<dyn Trait> with a trait that rustgo::interface! declares"
	}
	for i := range list {
		c := &list[i]
		what := "the function"
		if c.Method != "" {
			what = "its method `" + c.Method + "`"
		}
		for _, p := range c.Params {
			if reason, help := refuseArgument(p); reason != "" {
				return fmt.Sprintf("%s takes `%s`: %s", what, p.Name, reason), help
			}
		}
		if c.Result == nil {
			continue
		}
		reason, help := refuse(c.Result, memory)
		if reason == "" && c.Result.holdsPointer() {
			reason, help = "nothing keeps what Go returns alive", "let Go fill in a &mut that it gets"
		}
		if reason != "" {
			return fmt.Sprintf("%s returns `%s`: %s", what, c.Result.Name, reason), help
		}
	}
	return "", ""
}

// refuseArgument says why Rust cannot pass t to Go.
func refuseArgument(t *Type) (reason, help string) {
	if t.goValue() != nil {
		return "a function of Go's that goes back to Go", "let Go keep it"
	}
	if t.any(func(t *Type) bool { target := t.lent(); return target != nil && target.holdsPointer() }) {
		return "nothing keeps alive what Go puts there", "pass it by & or by value, or let Go fill in bytes and numbers"
	}
	if reason, help := refuseDangling(t); reason != "" {
		return reason, help
	}
	switch {
	case t.Kind == Str && t.Reference && !t.Mutable:
		return "", ""
	case t.Kind == Slice && t.Reference && t.Elem != nil:
		return refuse(t.Elem, memory)
	case t.Kind == Int128 || t.Kind == Uint128:
		return "", ""
	}
	return refuse(t, memory)
}

// lent returns what Go may write to through t itself, if that is memory of its own.
func (t *Type) lent() *Type {
	switch {
	case (t.Kind == Pointer || t.Kind == Slice) && t.Mutable && t.Elem != nil && t.Elem.Kind != CVoid && t.Elem.Size > 0:
		return t.Elem
	case strings.HasPrefix(t.Name, rustgoTypes+"SliceMut<"):
		return t.goSlice()
	}
	return nil
}

// refuseDangling says why Rust cannot hand t to Go if that may have an address at
// which there is nothing: Go's garbage collector takes it for one of its own.
func refuseDangling(t *Type) (reason, help string) {
	if t.any(func(t *Type) bool {
		elem := t.goSlice()
		if (t.Kind == Pointer || t.Kind == Slice) && t.Reference {
			elem = t.Elem
		}
		return elem != nil && elem.Kind != CVoid && elem.Size == 0
	}) {
		return "a reference to what has no size may be to nowhere", "use a raw pointer, or rustgo::Handle"
	}
	return "", ""
}

// any reports whether is is true of t or of a type that can be reached from a value
// of t.
func (t *Type) any(is func(*Type) bool) bool {
	seen := map[*Type]bool{}
	var visit func(t *Type) bool
	visit = func(t *Type) bool {
		if t == nil || seen[t] {
			return false
		}
		seen[t] = true
		if is(t) || visit(t.Elem) {
			return true
		}
		if t.Handle() != nil || t.goValue() != nil {
			return false // Go sees nothing of it
		}
		return slices.ContainsFunc(t.Fields, func(f Field) bool { return visit(f.Type) })
	}
	return visit(t)
}

// Signature returns the parameters and results of a Go function that Rust calls:
// "(i int, p []byte) bool". Without a name for each parameter none has one.
func (g *GoTypes) Signature(c *Callback, names []string) string {
	var params []string
	for i, p := range c.Params {
		param := g.Argument(p)
		if len(names) == len(c.Params) {
			param = names[i] + " " + param
		}
		params = append(params, param)
	}
	s := "(" + strings.Join(params, ", ") + ")"
	switch {
	case c.Result != nil && c.Error:
		return s + " (" + g.of(c.Result, value0) + ", error)"
	case c.Error:
		return s + " error"
	case c.Result != nil:
		return s + " " + g.of(c.Result, value0)
	}
	return s
}

// Argument returns the Go type of what Rust passes to a Go function.
func (g *GoTypes) Argument(t *Type) string {
	switch t.Kind {
	case Str:
		return "string"
	case Slice:
		return "[]" + g.of(t.Elem, memory)
	}
	return g.of(t, value0)
}

// addCallbacks notes what the functions need that Rust calls.
func (g *GoTypes) addCallbacks(t *Type) error {
	list, _ := t.Callbacks()
	for _, c := range list {
		for _, p := range c.Params {
			if p.Kind == Slice {
				p = p.Elem
			}
			if err := g.Add(p); err != nil {
				return err
			}
		}
		if c.Result != nil {
			if err := g.Add(c.Result); err != nil {
				return err
			}
		}
	}
	if trait := t.trait(); trait != "" && goInterfaces[trait] == "" {
		return g.add(&Type{Kind: TraitObject, Name: trait, of: t})
	}
	return nil
}

// goInterfaces are the traits of the crate rustgo that are interfaces of Go's
// library, with the same methods.
var goInterfaces = map[string]string{
	"rustgo::io::Reader": "io.Reader",
	"rustgo::io::Writer": "io.Writer",
}

// callable returns the Go type of what Rust calls.
func (g *GoTypes) callable(t *Type) string {
	if trait := t.trait(); trait != "" {
		if name := goInterfaces[trait]; name != "" {
			return name
		}
		return g.decls[trait].Name
	}
	list, _ := t.Callbacks()
	return "func" + g.Signature(&list[0], nil)
}
