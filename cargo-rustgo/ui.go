package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// ui is how the tool talks: results go to standard output, status and errors
// to standard error.
type ui struct {
	stdout, stderr io.Writer
	color          bool
	quiet          bool
	verbose        int
	json           bool // diagnostics and results are JSON on stdout
}

func newUI(stdout, stderr *os.File) *ui {
	u := &ui{stdout: stdout, stderr: stderr}
	u.color = useColor("", os.Getenv, term.IsTerminal(int(stderr.Fd())))
	u.quiet = os.Getenv("CARGO_TERM_QUIET") == "true"
	if os.Getenv("CARGO_TERM_VERBOSE") == "true" {
		u.verbose = 1
	}
	return u
}

// useColor decides by, in this order, --color, CARGO_TERM_COLOR, NO_COLOR
// (https://no-color.org) and whether standard error is a terminal.
func useColor(flag string, getenv func(string) string, terminal bool) bool {
	for _, choice := range []string{flag, getenv("CARGO_TERM_COLOR")} {
		switch choice {
		case "always":
			return true
		case "never":
			return false
		}
	}
	return terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// outputFlags are the flags of every command that say how to talk.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{DisableDefaultText: true, Name: "verbose", Aliases: []string{"v"}, Count: new(int), Usage: "say more; twice for the most"},
		&cli.BoolFlag{DisableDefaultText: true, Name: "quiet", Aliases: []string{"q"}, Usage: "print errors only"},
		&cli.StringFlag{Name: "color", Usage: "colour messages `WHEN`: auto, always or never", DefaultText: "auto"},
		&cli.StringFlag{Name: "message-format", Usage: "`FORMAT` is human, or json for diagnostics and results on standard output", DefaultText: "human"},
	}
}

// configure applies the outputFlags.
func (u *ui) configure(c *cli.Context) error {
	if n := c.Count("verbose"); n > 0 {
		u.verbose = n
	}
	if c.Bool("quiet") {
		u.quiet = true
	}
	if u.quiet && c.Count("verbose") > 0 {
		return usageErrorf("--quiet and --verbose contradict each other")
	}
	switch format := c.String("message-format"); format {
	case "", "human":
	case "json":
		u.json = true
	default:
		return badValue("--message-format", format, "human", "json")
	}
	switch color := c.String("color"); color {
	case "", "auto", "always", "never":
		terminal := false
		if f, ok := u.stderr.(*os.File); ok {
			terminal = term.IsTerminal(int(f.Fd()))
		}
		u.color = useColor(color, os.Getenv, terminal)
	default:
		return badValue("--color", color, "auto", "always", "never")
	}
	return nil
}

func badValue(flag, value string, valid ...string) error {
	err := usageErrorf("invalid value %q for %s", value, flag)
	if near := diag.Similar(value, valid); near != "" {
		err.hint = fmt.Sprintf("did you mean `%s`?", near)
	} else {
		err.hint = "the values are: " + strings.Join(valid, ", ")
	}
	return err
}

const (
	boldGreen = "\x1b[1;32m"
	boldRed   = "\x1b[1;31m"
	boldCyan  = "\x1b[1;36m"
	reset     = "\x1b[0m"
)

func (u *ui) paint(sgr, text string) string {
	if !u.color {
		return text
	}
	return sgr + text + reset
}

// status prints a step as cargo does: a green verb that ends in column 12.
func (u *ui) status(verb, format string, args ...any) {
	if u.quiet {
		return
	}
	fmt.Fprintf(u.stderr, "%s %s\n", u.paint(boldGreen, fmt.Sprintf("%12s", verb)), fmt.Sprintf(format, args...))
}

func (u *ui) errorf(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if u.json {
		u.writeJSON(map[string]any{"reason": "rustgo-error", "message": msg})
	}
	fmt.Fprintf(u.stderr, "%s: %s\n", u.paint(boldRed, "error"), msg)
}

func (u *ui) help(text string) {
	fmt.Fprintf(u.stderr, "%s: %s\n", u.paint(boldCyan, "help"), text)
}

func (u *ui) diagnostics(list diag.List) {
	explained := map[string]bool{}
	for _, d := range list {
		d := *d
		d.Spans = slices.Clone(d.Spans)
		for i := range d.Spans {
			d.Spans[i].File = relative(d.Spans[i].File)
		}
		if u.json {
			if err := diag.RenderJSON(u.stdout, &d); err != nil {
				panic(err) // standard output is gone
			}
			continue
		}
		if !explained[d.Code] {
			explained[d.Code] = true
			more := fmt.Sprintf("see `cargo rustgo explain %s`", d.Code)
			d.Help = slices.Clone(d.Help)
			if n := len(d.Help); n > 0 && !strings.HasSuffix(d.Help[n-1], "?") {
				d.Help[n-1] += "; " + more
			} else {
				d.Help = append(d.Help, more)
			}
		}
		diag.Render(u.stderr, &d, u.color)
	}
}

func (u *ui) writeJSON(v any) {
	enc := json.NewEncoder(u.stdout)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
}

func (u *ui) internalError(r any, stack []byte) {
	u.errorf("internal error: %v", r)
	fmt.Fprintf(u.stderr, "\nThis is a bug in cargo-rustgo %s. Please report it with the lines below.\n\n%s", version(), stack)
}

// relative shortens a path inside the working directory.
func relative(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return rel
}
