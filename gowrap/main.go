// Command gowrap runs the go command on packages whose machine code is in
// archives, and on packages that name a Rust crate.
//
//	gowrap build|install|run|test|vet ARGUMENT...
//	go build -toolexec=gowrap ARGUMENT...
//
// The first form builds the crates that packages of the main module name, with
// cargo rustgo, and does what the second does: it runs Go's tools through gowrap,
// which adds the archives when a program is linked.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
	"golang.org/x/term"
)

// Exit codes. That of the go command, or of one of its tools, passes through.
const (
	exitError    = 1
	exitUsage    = 2
	exitInternal = 101
)

const usage = `gowrap runs the go command on packages whose machine code is in archives.

Usage:

	gowrap build|install|run|test|vet ARGUMENT...
	go build -toolexec=gowrap ARGUMENT...

The arguments are those of the go command. Before that, gowrap builds the Rust
crates that packages of the main module name, in a line of a Go file:

	//rustgo:crate ./rust

Other commands:

	gowrap explain RG0018      what a diagnostic means
	gowrap version             the version

Environment:

	GOWRAP_PATH                directories with archives: pkg/GOOS_GOARCH/IMPORT/PATH.a
	GOWRAP_CRATES=off          do not build crates
`

// wrapped are the commands of go that build packages.
var wrapped = []string{"build", "install", "run", "test", "vet"}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs gowrap and returns its exit code.
func run(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "gowrap: internal error: %v\n\nThis is a bug in gowrap. Please report it with the lines below.\n\n%s", r, debug.Stack())
			code = exitInternal
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch command := args[0]; {
	case slices.Contains(wrapped, command):
		return exit(stderr, goCommand(ctx, command, args[1:]))
	case filepath.IsAbs(command):
		// The go command names its tools by their paths.
		return exit(stderr, toolexec(ctx, stdout, command, args[1:]))
	case command == "explain" && len(args) == 2:
		text, ok := diag.Explain(args[1])
		if !ok {
			fmt.Fprintf(stderr, "gowrap: there is no diagnostic %q\n", args[1])
			return exitUsage
		}
		fmt.Fprint(stdout, text)
	case command == "version" || command == "-V" || command == "--version":
		fmt.Fprintf(stdout, "gowrap %s (%s)\n", version(), runtime.Version())
	case command == "help" || command == "-h" || command == "-help" || command == "--help":
		fmt.Fprint(stdout, usage)
	default:
		fmt.Fprintf(stderr, "gowrap: unknown command %q; did you mean %q?\n", command, diag.Nearest(command, append([]string{"explain", "version", "help"}, wrapped...)))
		return exitUsage
	}
	return 0
}

// exit tells the user about err and returns the exit code that it stands for.
func exit(stderr io.Writer, err error) int {
	var exit *tool.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.Code > 0:
		return exit.Code // the program has said what is wrong
	case errors.Is(err, context.Canceled):
		return exitError
	}
	list := diag.All(err)
	for _, d := range list {
		d := *d
		d.Help = append(slices.Clone(d.Help), fmt.Sprintf("see `gowrap explain %s`", d.Code))
		d.Help = []string{strings.Join(d.Help, "; ")}
		diag.Render(stderr, &d, colored(stderr))
	}
	if list == nil {
		fmt.Fprintf(stderr, "gowrap: %v\n", err)
	}
	return exitError
}

func colored(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}

// version returns the module version that the binary was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
