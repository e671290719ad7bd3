package signature

import (
	"regexp"
	"strings"
)

// Docs returns the doc comment of the item name ("" for any) whose declaration
// starts at a 1-based line, as the lines of a Go doc comment without the //.
func Docs(source *Source, line int, name string) []string {
	tokens := source.tokens
	at := findItem(tokens, line, name)
	if at.keyword < 0 {
		return nil
	}
	return docsBefore(tokens, at.start)
}

// docsBefore returns the doc comment before tokens[start].
func docsBefore(tokens []token, start int) []string {
	var parts [][]string // the last first
	for start > 0 {
		if tokens[start-1].kind == tokOuterDoc {
			start--
			parts = append(parts, docLines(&tokens[start]))
			continue
		}
		open := attributeStart(tokens, start-1)
		if open < 0 {
			break
		}
		parts = append(parts, docAttribute(tokens[open+2:start-1]))
		start = open
	}
	var lines []string
	for i := len(parts) - 1; i >= 0; i-- {
		lines = append(lines, parts[i]...)
	}
	return goDoc(lines)
}

// CrateDocs returns what a source file says about itself at its top, in //!
// comments and #![doc] attributes, as the lines of a Go doc comment.
func CrateDocs(source *Source) []string {
	tokens := source.tokens
	var lines []string
	for i := 0; i < len(tokens); {
		switch t := &tokens[i]; {
		case t.kind == tokInnerDoc:
			lines = append(lines, docLines(t)...)
			i++
		case t.is("#") && i+2 < len(tokens) && tokens[i+1].is("!") && tokens[i+2].is("["):
			end := min(skipList(tokens, i+2), len(tokens))
			lines = append(lines, docAttribute(tokens[i+3:max(end-1, i+3)])...)
			i = end
		default:
			i = len(tokens)
		}
	}
	return goDoc(lines)
}

// attributeStart returns the index of the # of the attribute #[…] that ends at
// tokens[end], or -1 if none does.
func attributeStart(tokens []token, end int) int {
	if !tokens[end].is("]") {
		return -1
	}
	for i, depth := end, 0; i > 0; i-- {
		switch {
		case tokens[i].is("]"):
			depth++
		case tokens[i].is("["):
			if depth--; depth == 0 {
				if tokens[i-1].is("#") {
					return i - 1
				}
				return -1
			}
		}
	}
	return -1
}

// docAttribute returns the text of the attribute doc = "…", given what is
// between its brackets.
func docAttribute(tokens []token) []string {
	if len(tokens) != 3 || tokens[0].text != "doc" || !tokens[1].is("=") || tokens[2].kind != tokString {
		return nil
	}
	text := tokens[2].text
	if !tokens[2].raw {
		text = escapes.Replace(text)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], " ") // as after ///
	}
	return lines
}

var escapes = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "", `\"`, `"`, `\'`, `'`, `\\`, `\`)

// docLines returns the lines of a doc comment without its marks.
func docLines(t *token) []string {
	if !t.block {
		return []string{strings.TrimPrefix(t.text, " ")}
	}
	lines := strings.Split(strings.ReplaceAll(t.text, "\r", ""), "\n")
	starred := len(lines) > 1
	for _, line := range lines[1:] {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "*") {
			starred = false
		}
	}
	for i, line := range lines {
		if i > 0 {
			line = strings.TrimLeft(line, " \t")
			if starred {
				line = strings.TrimPrefix(line, "*")
			} else {
				line = indentBeyond(lines[i], lines[1:])
			}
		}
		lines[i] = strings.TrimPrefix(line, " ")
	}
	return lines
}

// indentBeyond returns line without the indentation that all lines share.
func indentBeyond(line string, lines []string) string {
	shared := len(line)
	for _, l := range lines {
		if trimmed := strings.TrimLeft(l, " \t"); trimmed != "" {
			shared = min(shared, len(l)-len(trimmed))
		}
	}
	return line[min(shared, len(line)):]
}

var (
	codeLink  = regexp.MustCompile("\\[`([^`\\]]+)`\\](?:\\([^)]*\\)|\\[[^\\]]*\\])?")
	webLink   = regexp.MustCompile(`\[([^\]\[]+)\]\((https?://[^)\s]+)\)`)
	pathLink  = regexp.MustCompile(`\[([^\]\[]+)\]\([^)\s]*\)`)
	linkDef   = regexp.MustCompile("^\\[`?[^\\]]+`?\\]:\\s")
	inline    = regexp.MustCompile("(`+)([^`]+)`+")
	bold      = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	listEntry = regexp.MustCompile(`^\s*(?:[-*+]|[0-9]+[.)])\s+`)
)

// goDoc turns Markdown into the syntax of Go's doc comments (go.dev/doc/comment):
// headings get one # and blank lines around, code is indented with a tab, and
// the names of Rust items lose the marks of links and code.
func goDoc(lines []string) []string {
	var out []string
	blank := func() {
		if len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, "")
		}
	}
	fence, rust, list := "", false, false
	for _, line := range lines {
		line = strings.TrimRight(line, " \t\r")
		trimmed := strings.TrimLeft(line, " \t")
		if fence != "" {
			switch {
			case strings.HasPrefix(trimmed, fence):
				fence = ""
				blank()
			case rust && (trimmed == "#" || strings.HasPrefix(trimmed, "# ")):
				// rustdoc compiles such a line but does not show it.
			case line == "":
				out = append(out, "")
			default:
				out = append(out, "\t"+line)
			}
			continue
		}
		switch {
		case strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~"):
			fence = trimmed[:3]
			language := strings.Trim(trimmed, "`~ ")
			rust = language == "" || strings.HasPrefix(language, "rust") || strings.HasPrefix(language, "no_run") || strings.HasPrefix(language, "ignore")
			list = false
			blank()
		case line == "":
			list = false
			blank()
		case linkDef.MatchString(line):
			// It is of no use without the link.
		case strings.HasPrefix(line, "#") && strings.HasPrefix(strings.TrimLeft(line, "#"), " "):
			list = false
			blank()
			out = append(out, "# "+plain(strings.TrimSpace(strings.Trim(line, "#"))), "")
		case listEntry.MatchString(line):
			mark := listEntry.FindString(line)
			entry := "  - "
			if m := strings.TrimSpace(mark); m[0] >= '0' && m[0] <= '9' {
				entry = " " + strings.TrimRight(m, ".)") + ". "
			}
			list = true
			out = append(out, entry+plain(line[len(mark):]))
		case list:
			out = append(out, "    "+plain(trimmed))
		case strings.HasPrefix(line, "    ") && (len(out) == 0 || out[len(out)-1] == "" || strings.HasPrefix(out[len(out)-1], "\t")):
			out = append(out, "\t"+line[4:])
		default:
			out = append(out, plain(trimmed))
		}
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// plain removes inline marks that Go does not know.
func plain(s string) string {
	s = codeLink.ReplaceAllString(s, "$1")
	s = webLink.ReplaceAllString(s, "$1 ($2)")
	s = pathLink.ReplaceAllString(s, "$1")
	s = inline.ReplaceAllString(s, "$2")
	return bold.ReplaceAllString(s, "$1")
}
