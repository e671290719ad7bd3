package tool

import (
	"slices"
	"strings"
)

// matchCfg evaluates the predicate of a `cfg(…)` key against the lines of
// `rustc --print cfg`:
// https://doc.rust-lang.org/reference/conditional-compilation.html.
// A malformed predicate does not match; cargo reports it.
func matchCfg(predicate string, cfg []string) bool {
	p := cfgParser{rest: predicate, cfg: cfg}
	value := p.predicate()
	return value && !p.failed && strings.TrimSpace(p.rest) == ""
}

type cfgParser struct {
	rest   string
	cfg    []string
	failed bool
}

// accept consumes token if it comes next.
func (p *cfgParser) accept(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " \t\n"), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *cfgParser) expect(token string) {
	if !p.accept(token) {
		p.failed = true
	}
}

func (p *cfgParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	n := 0
	for n < len(p.rest) {
		if c := p.rest[n]; !(c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z') {
			break
		}
		n++
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	return word
}

// predicate parses: all(P, …) | any(P, …) | not(P) | true | false | name |
// name = "value".
func (p *cfgParser) predicate() bool {
	word := p.word()
	if word == "" {
		p.failed = true
		return false
	}
	switch word {
	case "all", "any", "not":
		if p.accept("(") {
			values := p.arguments()
			switch word {
			case "all":
				return !slices.Contains(values, false)
			case "any":
				return slices.Contains(values, true)
			}
			p.failed = p.failed || len(values) != 1
			return !slices.Contains(values, true)
		}
	case "true", "false":
		return word == "true"
	}
	if !p.accept("=") {
		return slices.Contains(p.cfg, word)
	}
	p.expect(`"`)
	value, rest, ok := strings.Cut(p.rest, `"`)
	if !ok {
		p.failed = true
		return false
	}
	p.rest = rest
	return slices.Contains(p.cfg, word+`="`+value+`"`)
}

// arguments parses a list up to its closing parenthesis. A comma may end it.
func (p *cfgParser) arguments() []bool {
	var values []bool
	for !p.failed && !p.accept(")") {
		values = append(values, p.predicate())
		if p.failed || p.accept(")") {
			break
		}
		p.expect(",")
	}
	return values
}
