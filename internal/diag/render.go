package diag

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The SGR sequences that rustc uses: bold red, bold blue, bold cyan, bold.
const (
	red   = "\x1b[1;31m"
	blue  = "\x1b[1;34m"
	cyan  = "\x1b[1;36m"
	bold  = "\x1b[1m"
	reset = "\x1b[0m"
)

// Render writes d in the form of rustc's diagnostics, with terminal colours if
// color is set, and a blank line at its end.
func Render(w io.Writer, d *Diagnostic, color bool) error {
	r := renderer{color: color}
	r.diagnostic(d)
	_, err := io.WriteString(w, r.b.String())
	return err
}

type renderer struct {
	b     strings.Builder
	color bool
}

func (r *renderer) paint(sgr, text string) string {
	if !r.color || text == "" {
		return text
	}
	return sgr + text + reset
}

func (r *renderer) linef(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	r.b.WriteString(strings.TrimRight(line, " "))
	r.b.WriteByte('\n')
}

func (r *renderer) diagnostic(d *Diagnostic) {
	head := "error"
	if d.Code != "" {
		head = fmt.Sprintf("error[%s]", d.Code)
	}
	r.linef("%s%s", r.paint(red, head), r.paint(bold, ": "+d.Message))

	// All spans share one gutter, as wide as the largest line number.
	width := 1
	for _, s := range d.Spans {
		if s.Source != "" {
			width = max(width, len(fmt.Sprint(s.Line)))
		}
	}
	gutter := strings.Repeat(" ", width)
	bar := r.paint(blue, "|")
	excerpt := false
	for i, s := range d.Spans {
		arrow := "-->"
		if i > 0 {
			arrow = ":::"
		}
		r.linef("%s%s %s", gutter, r.paint(blue, arrow), s.position())
		excerpt = s.Source != ""
		if !excerpt {
			continue
		}
		// Tabs have no fixed width, so carets line up only below spaces.
		source := strings.ReplaceAll(strings.TrimRight(s.Source, " \t\r\n"), "\t", "    ")
		r.linef("%s %s", gutter, bar)
		r.linef("%s %s %s", r.paint(blue, fmt.Sprintf("%*d", width, s.Line)), bar, source)
		if start, n := carets(s); n > 0 {
			mark := strings.Repeat("^", n)
			if s.Label != "" {
				mark += " " + s.Label
			}
			r.linef("%s %s %s%s", gutter, bar, strings.Repeat(" ", start), r.paint(red, mark))
		} else if s.Label != "" {
			r.linef("%s %s %s", gutter, bar, r.paint(red, s.Label))
		}
	}
	if len(d.Notes) > 0 && excerpt {
		r.linef("%s %s", gutter, bar)
	}
	for _, note := range d.Notes {
		r.linef("%s %s %s", gutter, r.paint(blue, "="), r.paint(bold, "note")+": "+indent(note, width+9))
	}
	for _, help := range d.Help {
		r.linef("%s: %s", r.paint(cyan, "help"), indent(help, 6))
	}
	r.b.WriteByte('\n')
}

// carets returns where the marks below a line begin, in characters, and how
// many there are: from the column to the end of the code on that line. A
// column alone does not say where the expression ends, so a trailing comment,
// brace or semicolon is left out as the likeliest non-part.
func carets(s Span) (start, n int) {
	source := strings.TrimRight(s.Source, " \t\r\n")
	if s.Column < 1 || s.Column > len(source) {
		return 0, 0
	}
	before, rest := source[:s.Column-1], source[s.Column-1:]
	if i := strings.Index(rest, " //"); i > 0 {
		rest = rest[:i]
	}
	rest = strings.TrimRight(rest, " \t;{")
	wide := func(text string) int {
		return utf8.RuneCountInString(text) + 3*strings.Count(text, "\t")
	}
	return wide(before), max(1, wide(rest))
}

// indent aligns the later lines of a multi-line text with its first.
func indent(text string, by int) string {
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", by))
}

// jsonDiagnostic is one line of the JSON form. It has cargo's "reason" key, so
// that one reader serves cargo's messages and ours.
type jsonDiagnostic struct {
	Reason string `json:"reason"`
	Level  string `json:"level"`
	*Diagnostic
	Rendered string `json:"rendered"`
}

// RenderJSON writes d as one line of JSON with "reason" "rustgo-diagnostic".
func RenderJSON(w io.Writer, d *Diagnostic) error {
	r := renderer{}
	r.diagnostic(d)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(jsonDiagnostic{"rustgo-diagnostic", "error", d, r.b.String()})
}
