// Command cargo-rustgo turns a Rust crate into a Go package. Cargo runs it as
// `cargo rustgo`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
	"github.com/urfave/cli/v2"
)

// Exit codes. Cargo's own code passes through instead of exitError.
const (
	exitOK       = 0
	exitError    = 1   // something is wrong with the input, and we said what
	exitUsage    = 2   // something is wrong with the command line
	exitInternal = 101 // something is wrong with us; also what rustc and cargo use
)

func main() { os.Exit(run(os.Args)) }

// run runs the tool with argv and returns its exit code.
func run(argv []string) (code int) {
	u := newUI(os.Stdout, os.Stderr)
	defer func() {
		if r := recover(); r != nil {
			u.internalError(r, debug.Stack())
			code = exitInternal
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	app := newApp(u)
	args, err := arrange(app, stripSubcommand(argv[1:]))
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, args...))
	}
	return u.exit(err)
}

// newApp returns the commands. Everything that urfave/cli would decide by
// itself, and cargo decides otherwise, is switched off: arrange does it.
func newApp(u *ui) *cli.App {
	app := &cli.App{
		Name:      "cargo rustgo",
		Usage:     "turn a Rust crate into a Go package that needs no cgo",
		UsageText: "cargo rustgo COMMAND [OPTION...]",
		Version:   version(),
		Writer:    u.stdout,
		ErrWriter: u.stderr,

		HideVersion:               true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,

		Flags: []cli.Flag{
			&cli.BoolFlag{DisableDefaultText: true, Name: "version", Aliases: []string{"V"}, Usage: "print the version and exit"},
		},
		Commands: []*cli.Command{
			newCommand(u), buildCommand(u), packageCommand(u), verifyCommand(u), inspectCommand(u), vendorCommand(u), targetsCommand(u), explainCommand(u),
			stripCommand(u), archiveCommand(u), versionCommand(u),
		},
		Action: func(c *cli.Context) error {
			if c.Bool("version") {
				return printVersion(u)
			}
			return cli.ShowAppHelp(c)
		},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return usageErrorf("%v", err) },
		ExitErrHandler: func(*cli.Context, error) {}, // run does it
	}
	for _, c := range app.Commands {
		c.OnUsageError = app.OnUsageError
	}
	return app
}

// usageError is a mistake on the command line.
type usageError struct {
	msg  string
	hint string
}

func (e *usageError) Error() string { return e.msg }

func usageErrorf(format string, args ...any) *usageError {
	return &usageError{msg: fmt.Sprintf(format, args...)}
}

// exit tells the user about err and returns the exit code that it stands for.
func (u *ui) exit(err error) int {
	var usage *usageError
	var exit *tool.ExitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		u.errorf("%s", usage.msg)
		if usage.hint != "" {
			u.help(usage.hint)
		}
		return exitUsage
	case errors.As(err, &exit) && exit.Code > 0:
		// Cargo and rustc have said what is wrong.
		return exit.Code
	case errors.Is(err, context.Canceled):
		u.errorf("interrupted")
		return exitError
	}
	if list := diag.All(err); list != nil {
		u.diagnostics(list)
		return exitError
	}
	u.errorf("%v", err)
	return exitError
}
