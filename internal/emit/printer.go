package emit

import (
	"bytes"
	"fmt"
)

// printer collects the text of one file.
type printer struct {
	bytes.Buffer
	name           string // of the file
	lines, counted int    // newlines so far, in so many bytes
	foreign        bool   // what is next counts as of another file
}

func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(&p.Buffer, format, args...)
	p.WriteByte('\n')
}

func (p *printer) imports(names []string) {
	switch len(names) {
	case 0:
	case 1:
		p.line("\nimport %q", names[0])
	default:
		p.line("\nimport (")
		for _, name := range names {
			p.line("%q", name)
		}
		p.line(")")
	}
}

func (p *printer) comment(lines []string) {
	for _, l := range lines {
		if l == "" {
			p.line("//")
		} else {
			p.line("// %s", l)
		}
	}
}
