package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/urfave/cli/v2"
)

// stripSubcommand removes the name that cargo passes to its subcommands as
// first argument. Exactly one: `cargo rustgo rustgo` is a mistake.
func stripSubcommand(args []string) []string {
	if len(args) > 0 && args[0] == "rustgo" {
		return args[1:]
	}
	return args
}

// arrange rewrites a command line as cargo would understand it into the one
// form that urfave/cli understands: the command, its flags, "--", the rest.
//
//	-q build --target=x ./a -vj4   →   build --quiet --target x --verbose --verbose --jobs 4 -- ./a
//
// Unknown commands and flags are errors that name the nearest valid one. What
// follows "--" on the command line is kept apart by a second "--".
func arrange(app *cli.App, args []string) ([]string, error) {
	// Cargo accepts flags before the command, so which word is the command
	// depends on which flags take a value: all commands agree on that.
	all := slices.Clone(app.Flags)
	for _, c := range app.Commands {
		all = append(all, c.Flags...)
	}
	var early []string
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		n := 1
		if f := lookupFlag(all, args[0]); f != nil && takesValue(f) && !strings.Contains(args[0], "=") && len(args) > 1 {
			n = 2
		}
		early, args = append(early, args[:n]...), args[n:]
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
		if len(args) == 1 {
			return args, nil
		}
	}
	if len(args) == 0 {
		flags, positional, _, err := splitArgs(app.Flags, early)
		if err != nil {
			return nil, err
		}
		if len(positional) > 0 {
			return nil, usageErrorf("no command given")
		}
		return flags, nil
	}

	path := []string{}
	commands := app.Commands
	var command *cli.Command
	for len(commands) > 0 && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		next, err := lookupCommand(commands, path, args[0])
		if err != nil {
			return nil, err
		}
		command, commands = next, next.Subcommands
		path = append(path, command.Name)
		args = args[1:]
	}
	flags, positional, rest, err := splitArgs(command.Flags, append(early, args...))
	if err != nil {
		err.hint += fmt.Sprintf("\n      see `cargo rustgo %s --help`", strings.Join(path, " "))
		err.hint = strings.TrimLeft(err.hint, "\n ")
		return nil, err
	}
	if slices.Contains(flags, "--help") {
		return append(path, "--help"), nil
	}
	out := append(append(path, flags...), "--")
	out = append(out, positional...)
	if rest != nil {
		out = append(append(out, "--"), rest...)
	}
	return out, nil
}

func lookupCommand(commands []*cli.Command, path []string, name string) (*cli.Command, error) {
	var names []string
	for _, c := range commands {
		if c.HasName(name) {
			return c, nil
		}
		names = append(names, c.Names()...)
	}
	err := usageErrorf("no such command: `%s`", strings.Join(append(path, name), " "))
	if near := diag.Similar(name, names); near != "" {
		err.hint = fmt.Sprintf("did you mean `%s`?", near)
	} else {
		err.hint = "the commands are: " + strings.Join(names, ", ")
	}
	return nil, err
}

// splitArgs separates the flags, which come out in the form "--name" or
// "--name=value", from the other arguments before and after "--". The third
// result is nil if there is no "--".
func splitArgs(flags []cli.Flag, args []string) (out, positional, rest []string, err *usageError) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return out, positional, append([]string{}, args...), nil
		case len(arg) < 2 || arg[0] != '-':
			positional = append(positional, arg)
			continue
		case strings.HasPrefix(arg, "--"):
			name, value, hasValue := strings.Cut(arg[2:], "=")
			if name == "help" {
				out = append(out, "--help")
				continue
			}
			f := lookupFlag(flags, "--"+name)
			if f == nil {
				return nil, nil, nil, unknownFlag(flags, "--"+name)
			}
			if !takesValue(f) && hasValue {
				return nil, nil, nil, usageErrorf("--%s takes no value", name)
			}
			if out, args, err = addFlag(out, f, value, hasValue, args); err != nil {
				return nil, nil, nil, err
			}
		default:
			// A cluster of one-letter flags, of which the last may have its
			// value attached: -vj4.
			for cluster := arg[1:]; cluster != ""; {
				name := "-" + cluster[:1]
				cluster = cluster[1:]
				if name == "-h" {
					out = append(out, "--help")
					continue
				}
				f := lookupFlag(flags, name)
				if f == nil {
					return nil, nil, nil, unknownFlag(flags, arg)
				}
				value := ""
				if takesValue(f) {
					value, cluster = cluster, ""
				}
				if out, args, err = addFlag(out, f, strings.TrimPrefix(value, "="), value != "", args); err != nil {
					return nil, nil, nil, err
				}
			}
		}
	}
	return out, positional, nil, nil
}

// addFlag appends f, with its value from args if it has none yet.
func addFlag(out []string, f cli.Flag, value string, hasValue bool, args []string) ([]string, []string, *usageError) {
	name := "--" + f.Names()[0]
	if !takesValue(f) {
		return append(out, name), args, nil
	}
	if !hasValue {
		if len(args) == 0 || args[0] == "--" {
			return nil, nil, usageErrorf("%s needs a value", name)
		}
		value, args = args[0], args[1:]
	}
	if _, ok := f.(*cli.StringSliceFlag); !ok {
		for _, other := range out {
			if strings.HasPrefix(other, name+"=") {
				return nil, nil, usageErrorf("%s is given twice", name)
			}
		}
	}
	return append(out, name+"="+value), args, nil
}

// lookupFlag returns the flag called name, which begins with one or two
// dashes as its length demands and may have "=value" behind it.
func lookupFlag(flags []cli.Flag, name string) cli.Flag {
	name, _, _ = strings.Cut(name, "=")
	for _, f := range flags {
		for _, n := range f.Names() {
			if name == dashed(n) {
				return f
			}
		}
	}
	return nil
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func unknownFlag(flags []cli.Flag, name string) *usageError {
	err := usageErrorf("no such option: %s", name)
	names := []string{"help"}
	for _, f := range flags {
		for _, n := range f.Names() {
			if len(n) > 1 {
				names = append(names, n)
			}
		}
	}
	if near := diag.Similar(strings.TrimLeft(name, "-"), names); near != "" {
		err.hint = fmt.Sprintf("did you mean `--%s`?", near)
	}
	return err
}

// noArguments refuses arguments that a command has no use for.
func noArguments(args []string) error {
	if len(args) > 0 {
		return usageErrorf("unexpected argument %q", args[0])
	}
	return nil
}

// commaList splits values that are lists with commas, given once or often.
func commaList(values []string) []string {
	var list []string
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	}
	return list
}
