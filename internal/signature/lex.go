package signature

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind classifies a token of Rust source text.
type tokenKind uint8

const (
	tokPunct    tokenKind = iota // one character, or -> or => or ::
	tokIdent                     // also keywords, numbers and $names of macros
	tokString                    // text is what is between the quotes
	tokLifetime                  // 'a
	tokOuterDoc                  // /// or /** */, text is what follows the marker
	tokInnerDoc                  // //! or /*! */
)

type token struct {
	kind  tokenKind
	text  string
	line  int  // 1-based
	block bool // of doc comments: /** */
	raw   bool // of strings: without escapes
}

// is reports whether t is one of the punctuation characters in set.
func (t *token) is(set string) bool {
	return t.kind == tokPunct && len(t.text) == 1 && strings.Contains(set, t.text)
}

// Source is a file of Rust source.
type Source struct {
	Text   []byte
	tokens []token
}

// NewSource reads a file. It never fails: what is not Rust declares nothing.
func NewSource(text []byte) *Source { return &Source{text, lex(text)} }

// lex splits Rust source into tokens ("The Rust Reference", chapter 2). Plain
// comments vanish. It never fails: what is not Rust becomes odd tokens.
func lex(source []byte) []token {
	l := lexer{src: string(source), line: 1}
	for l.off < len(l.src) {
		l.next()
	}
	return l.tokens
}

type lexer struct {
	src    string
	off    int
	line   int
	tokens []token
}

// emit appends the token text and skips n bytes of source.
func (l *lexer) emit(kind tokenKind, text string, n int) {
	l.tokens = append(l.tokens, token{kind: kind, text: text, line: l.line})
	l.skip(n)
}

func (l *lexer) skip(n int) {
	n = min(n, len(l.src)-l.off)
	l.line += strings.Count(l.src[l.off:l.off+n], "\n")
	l.off += n
}

func (l *lexer) next() {
	rest := l.src[l.off:]
	c, size := utf8.DecodeRuneInString(rest)
	switch {
	case strings.HasPrefix(rest, "//"):
		l.lineComment(rest)
	case strings.HasPrefix(rest, "/*"):
		l.blockComment(rest)
	case c == '"':
		n := quoted(rest, 1)
		l.emit(tokString, strings.TrimSuffix(rest[1:n], `"`), n)
	case c == '\'':
		l.quote(rest)
	case unicode.IsSpace(c):
		l.skip(size)
	case c == '$' && len(rest) > 1 && identStart(rune(rest[1])):
		n := 1 + identLen(rest[1:])
		l.emit(tokIdent, rest[:n], n)
	case identStart(c) || unicode.IsDigit(c):
		l.word(rest)
	default:
		for _, long := range []string{"->", "=>", "::"} {
			if strings.HasPrefix(rest, long) {
				l.emit(tokPunct, long, len(long))
				return
			}
		}
		l.emit(tokPunct, rest[:size], size)
	}
}

func identStart(c rune) bool { return c == '_' || unicode.IsLetter(c) }

func identLen(s string) int {
	for i, c := range s {
		if !identStart(c) && !unicode.IsDigit(c) {
			return i
		}
	}
	return len(s)
}

// word lexes an identifier or number, and the literals that start like one:
// r"", r#""#, b"", br"", c"", b'x', and the raw identifier r#type.
func (l *lexer) word(rest string) {
	n := identLen(rest)
	prefix := rest[:n]
	after := rest[n:]
	switch prefix {
	case "b", "c":
		if strings.HasPrefix(after, `"`) {
			end := n + quoted(after, 1)
			l.emit(tokString, strings.TrimSuffix(rest[n+1:end], `"`), end)
			return
		}
		if prefix == "b" && strings.HasPrefix(after, "'") {
			l.skip(n)
			l.quote(after)
			return
		}
	case "r", "br", "cr":
		hashes := len(after) - len(strings.TrimLeft(after, "#"))
		if strings.HasPrefix(after[hashes:], `"`) {
			body := after[hashes+1:]
			end := strings.Index(body, `"`+after[:hashes])
			if end < 0 {
				end = len(body)
			}
			l.emit(tokString, body[:end], n+hashes+1+end+1+hashes)
			l.tokens[len(l.tokens)-1].raw = true
			return
		}
		if prefix == "r" && hashes == 1 {
			m := identLen(after[1:])
			l.emit(tokIdent, after[1:1+m], n+1+m)
			return
		}
	}
	l.emit(tokIdent, prefix, n)
}

// quoted returns the length of a string literal whose opening quote is the last
// of the first n bytes.
func quoted(s string, n int) int {
	for quote := s[n-1]; n < len(s); n++ {
		switch s[n] {
		case '\\':
			n++
		case quote:
			return n + 1
		}
	}
	return len(s)
}

// quote lexes a lifetime or a character.
func (l *lexer) quote(rest string) {
	if n := identLen(rest[1:]); n > 0 {
		// 'a is a lifetime unless a quote follows: 'a'. A character is one rune.
		if _, size := utf8.DecodeRuneInString(rest[1:]); size != n || !strings.HasPrefix(rest[1+n:], "'") {
			l.emit(tokLifetime, rest[:1+n], 1+n)
			return
		}
	}
	n := quoted(rest, 1)
	l.emit(tokString, rest[1:max(n-1, 1)], n)
}

func (l *lexer) lineComment(rest string) {
	n := strings.IndexByte(rest, '\n')
	if n < 0 {
		n = len(rest)
	}
	text := strings.TrimSuffix(rest[:n], "\r")
	switch {
	case strings.HasPrefix(text, "///") && !strings.HasPrefix(text, "////"):
		l.emit(tokOuterDoc, text[3:], n)
	case strings.HasPrefix(text, "//!"):
		l.emit(tokInnerDoc, text[3:], n)
	default:
		l.skip(n)
	}
}

// blockComment lexes a comment in /* */, which may hold others.
func (l *lexer) blockComment(rest string) {
	n, depth := 2, 1
	for n < len(rest) && depth > 0 {
		switch {
		case strings.HasPrefix(rest[n:], "/*"):
			depth++
			n += 2
		case strings.HasPrefix(rest[n:], "*/"):
			depth--
			n += 2
		default:
			n++
		}
	}
	text := strings.TrimSuffix(rest[:n], "*/")
	kind := tokPunct
	switch {
	case strings.HasPrefix(text, "/**") && len(text) > 3 && text[3] != '*':
		kind = tokOuterDoc
	case strings.HasPrefix(text, "/*!"):
		kind = tokInnerDoc
	default:
		l.skip(n)
		return
	}
	l.emit(kind, text[3:], n)
	l.tokens[len(l.tokens)-1].block = true
}
