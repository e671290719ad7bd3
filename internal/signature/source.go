package signature

import (
	"fmt"
	"strings"
)

// A DeclError reports that the source of a function says something else than
// its debug information, or something that cannot be called from Go.
type DeclError struct {
	Function string
	Reason   string
	Help     string
	File     string
	Line     int
}

func (e *DeclError) Error() string {
	return fmt.Sprintf("%s%s: %s; %s", position(e.File, e.Line), e.Function, e.Reason, e.Help)
}

// A Decl is the declaration of a function as its source has it.
type Decl struct {
	// ABI is the string after extern, "C" if extern stands alone, and "Rust"
	// without extern.
	ABI string
	// Params is the number of parameters, or -1 if the text does not tell:
	// they come from a macro's repetition, depend on cfg, or are variadic.
	Params int
	Result bool // there is a result other than () and !

	borrowed []bool // per parameter: a reference that cannot be 'static
}

// ParseDecl finds the declaration of the function name that starts at a 1-based
// line, where DW_AT_decl_line has it: on the first token after the attributes.
// Within macro_rules the name may be a variable of the macro.
func ParseDecl(source *Source, line int, name string) (Decl, bool) {
	tokens := source.tokens
	at := findItem(tokens, line, name)
	if at.keyword < 0 || tokens[at.keyword].text != "fn" {
		return Decl{}, false
	}
	return parseDecl(tokens, at)
}

// CountParams returns the number of parameters of the function name at a
// 1-based line, and whether the source tells.
func CountParams(source *Source, line int, name string) (int, bool) {
	d, ok := ParseDecl(source, line, name)
	return max(d.Params, 0), ok && d.Params >= 0
}

// ABI returns the calling convention of the function name at a 1-based line:
// "C", "C-unwind", "sysv64", …, or "Rust" if it has no extern.
func ABI(source *Source, line int, name string) (string, bool) {
	d, ok := ParseDecl(source, line, name)
	return d.ABI, ok
}

// CheckSource compares f with its source, the contents of f.File, and returns a
// *DeclError if it must not be called. Debug information does not tell the
// calling convention; it leaves out parameters that are bound with @; and
// with -Cdebuginfo=1 it has neither parameters nor results, so that a function
// would look as if it had none. CheckSource also sets Param.Borrowed.
func (f *Function) CheckSource(source *Source) error {
	fail := func(help, format string, args ...any) error {
		return &DeclError{f.Symbol, fmt.Sprintf(format, args...), help, f.RelFile, f.Line}
	}
	d, ok := ParseDecl(source, f.Line, f.Name)
	if !ok {
		return fail("write the function out, and rebuild if the source has changed since", "no declaration of fn %s starts here, so that its calling convention and parameters cannot be checked", f.Name)
	}
	switch d.ABI {
	case "C", "C-unwind", "system", "system-unwind", "sysv64", "sysv64-unwind":
	case "Rust":
		return fail(`write extern "C" fn`, "it has Rust's calling convention, which is not specified")
	case "":
		return fail(`write extern "C" fn`, "its calling convention comes from a macro")
	default:
		return fail(`write extern "C" fn`, "it has the calling convention %q", d.ABI)
	}
	switch {
	case d.Params < 0:
		return fail("write the parameters out", "the source does not tell how many parameters it has")
	case d.Params > 0 && len(f.Params) == 0 && f.Result == nil, d.Params == 0 && d.Result && f.Result == nil:
		return fail("build with -Cdebuginfo=2, and name parameters bound with @ by a let in the body", "the debug information does not hold its types")
	case d.Params != len(f.Params):
		return fail("give each parameter a plain name; bind patterns with @ by a let in the body", "the source has %d parameters, the debug information %d", d.Params, len(f.Params))
	case d.Result && f.Result == nil && !f.Diverges:
		return fail("build with -Cdebuginfo=2, or write () instead of an alias of it", "the source has a result, the debug information none")
	}
	for i := range f.Params {
		t := f.Params[i].Type
		f.Params[i].Borrowed = d.borrowed[i] && (t.Reference || t.goSlice() != nil || t.isGoString())
	}
	return nil
}

// item is the place of an item among the tokens.
type item struct {
	start   int // its first token after the attributes
	keyword int // fn, struct, …; -1 if not found
	name    int
}

// findItem returns the item with the given name whose first token, or whose
// keyword, is on a line. "" is any name.
func findItem(tokens []token, line int, name string) item {
	for i := 0; i+1 < len(tokens); i++ {
		t, next := &tokens[i], &tokens[i+1]
		if t.kind != tokIdent || !itemKeywords[t.text] || next.kind != tokIdent {
			continue
		}
		if next.text != name && name != "" && !strings.HasPrefix(next.text, "$") {
			continue
		}
		start := qualifiers(tokens, i)
		if tokens[start].line == line || t.line == line {
			return item{start, i, i + 1}
		}
	}
	return item{keyword: -1}
}

var itemKeywords = map[string]bool{
	"fn": true, "struct": true, "enum": true, "union": true, "static": true, "const": true, "type": true, "trait": true, "mod": true,
}

// qualifiers walks back from the keyword of an item over pub, pub(crate),
// unsafe, extern "C" and the like, and returns where they start.
func qualifiers(tokens []token, i int) int {
	for i > 0 {
		switch t := &tokens[i-1]; {
		case t.kind == tokIdent && (t.text == "pub" || t.text == "unsafe" || t.text == "extern" ||
			t.text == "const" || t.text == "async" || t.text == "safe" || t.text == "default" || t.text == "crate" ||
			strings.HasPrefix(t.text, "$")):
			i--
		case t.kind == tokString && i > 1 && tokens[i-2].text == "extern":
			i -= 2
		case t.text == ")" && t.kind == tokPunct: // pub(in a::b)
			open := i - 1
			for open > 0 && tokens[open].text != "(" && i-open < 32 {
				open--
			}
			if open == 0 || tokens[open-1].text != "pub" {
				return i
			}
			i = open - 1
		default:
			return i
		}
	}
	return i
}

func parseDecl(tokens []token, at item) (Decl, bool) {
	d := Decl{ABI: "Rust"}
	for i := at.start; i < at.keyword; i++ {
		if tokens[i].kind != tokIdent {
			continue
		}
		if strings.HasPrefix(tokens[i].text, "$") && tokens[i].text != "$vis" {
			d.ABI = "" // a macro may put extern there; only the name $vis says it does not
		}
		if tokens[i].text == "extern" {
			d.ABI = "C"
			if next := &tokens[i+1]; next.kind == tokString {
				d.ABI = next.text
			} else if strings.HasPrefix(next.text, "$") {
				d.ABI = ""
			}
			break
		}
	}
	i := at.name + 1
	own := map[string]bool{} // lifetimes that the function itself introduces
	var bounds []token       // where they may be bounded by others
	if i < len(tokens) && tokens[i].is("<") {
		end := min(skipList(tokens, i), len(tokens))
		bounds = tokens[i:end]
		for j := i + 1; j < end; j++ {
			if tokens[j].kind == tokLifetime && tokens[j-1].is("<,") {
				own[tokens[j].text] = true
			}
		}
		i = end
	}
	if i >= len(tokens) || !tokens[i].is("(") {
		return d, false
	}
	end := skipList(tokens, i)
	if end > len(tokens) || tokens[end-1].text != ")" {
		return d, false
	}
	params := splitList(tokens[i+1 : end-1])
	d.Params = len(params)

	for i = end; i < len(tokens) && !tokens[i].is("{;"); i++ {
		if tokens[i].kind == tokIdent && tokens[i].text == "where" {
			bounds = append(bounds[:len(bounds):len(bounds)], tokens[i:]...)
			break
		}
	}
	static := false // a lifetime of the function may be one of outside
	for i := range bounds {
		if bounds[i].is("{;") {
			break
		}
		static = static || bounds[i].kind == tokLifetime && !own[bounds[i].text]
	}
	if end+2 < len(tokens) && tokens[end].text == "->" {
		unit := tokens[end+1].text == "(" && tokens[end+2].text == ")"
		d.Result = !unit && tokens[end+1].text != "!"
	}
	for _, p := range params {
		if uncountable(p) {
			d.Params = -1
		}
		d.borrowed = append(d.borrowed, !static && borrowed(p, own))
	}
	return d, true
}

// skipList returns the index after the bracket that closes the one at i. It may
// be one past the end of unbalanced tokens.
func skipList(tokens []token, i int) int {
	var stack []string
	for ; i < len(tokens); i++ {
		if tokens[i].kind != tokPunct {
			continue
		}
		switch text := tokens[i].text; text {
		case "(", "[", "{":
			stack = append(stack, text)
		case "<":
			// In brackets and braces it compares: [u8; (N < 3) as usize].
			if len(stack) == 0 || stack[len(stack)-1] == "<" || stack[len(stack)-1] == "(" {
				stack = append(stack, text)
			}
		case ">":
			if len(stack) > 0 && stack[len(stack)-1] == "<" {
				stack = stack[:len(stack)-1]
			}
		case ")", "]", "}":
			for len(stack) > 0 && stack[len(stack)-1] == "<" {
				stack = stack[:len(stack)-1]
			}
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		default:
			continue
		}
		if len(stack) == 0 {
			return i + 1
		}
	}
	return len(tokens) + 1
}

// splitList splits the tokens inside of brackets at the commas between them.
func splitList(tokens []token) [][]token {
	var list [][]token
	start := 0
	for i := 0; i < len(tokens); {
		switch t := &tokens[i]; {
		case t.is("([{<"):
			i = min(skipList(tokens, i), len(tokens))
		case t.is(","):
			list = append(list, tokens[start:i])
			i++
			start = i
		default:
			i++
		}
	}
	if start < len(tokens) {
		list = append(list, tokens[start:])
	}
	return list
}

// uncountable reports whether a parameter may stand for none or several.
func uncountable(p []token) bool {
	for i := range p {
		switch p[i].text {
		case "$": // $(…)*
			return true
		case ".":
			if i+2 < len(p) && p[i+1].text == "." && p[i+2].text == "." {
				return true
			}
		case "cfg", "cfg_attr":
			if p[0].text == "#" {
				return true
			}
		}
	}
	// A whole parameter in a macro variable: $arg, or $($args)*.
	return len(p) == 0 || len(p) == 1 && strings.HasPrefix(p[0].text, "$")
}

var (
	pathWords   = map[string]bool{"Option": true, "core": true, "std": true, "option": true, "rustgo": true}
	rustgoNames = map[string]bool{"Slice": true, "SliceMut": true, "Str": true}
)

// borrowed reports whether the text of a parameter shows a reference whose
// lifetime is one of the function's own, or left to it. An alias of a type and a
// lifetime of the impl around it could hide 'static, and so could a macro.
func borrowed(p []token, own map[string]bool) bool {
	colon := 0
	for colon < len(p) && p[colon].text != ":" {
		if p[colon].is("([{<") {
			colon = min(skipList(p, colon), len(p)) - 1
		}
		colon++
	}
	typ := p[min(colon+1, len(p)):]
	if colon == len(p) {
		typ = p // &self
	}
	for i := range typ {
		if strings.HasPrefix(typ[i].text, "$") || typ[i].kind == tokLifetime && typ[i].text != "'_" && !own[typ[i].text] {
			return false
		}
	}
	for len(typ) > 0 && (typ[0].text == "::" || typ[0].kind == tokIdent && pathWords[typ[0].text]) {
		typ = typ[1:]
	}
	// Slice<'_, T> of the crate rustgo and its like. Without a lifetime it might
	// be an alias that says 'static.
	if len(typ) > 2 && rustgoNames[typ[0].text] && typ[1].is("<") && typ[2].kind == tokLifetime {
		return true
	}
	if len(typ) > 1 && typ[0].is("<") {
		typ = typ[1:]
	}
	return len(typ) > 0 && typ[0].is("&")
}
