package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
	"github.com/urfave/cli/v2"
)

func targetsCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:      "targets",
		Usage:     "list the platforms, and what is missing to build for them",
		UsageText: "cargo rustgo targets",
		Description: `A system without a Rust target of its own gets the machine code of another with
the same processor: it makes no system calls.

VARIANTS are the processors that a package can have more code for, OBJECTS the
format of objects for C. A FAULT in Rust on a goroutine's stack, as of a null
pointer, panics as in Go, does so in functions without a frame only, or ends the
program.`,
		Flags:  outputFlags(),
		Action: func(c *cli.Context) error { return listTargets(c, u) },
	}
}

func listTargets(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	if err := noArguments(c.Args().Slice()); err != nil {
		return err
	}
	w := tabwriter.NewWriter(u.stdout, 0, 0, 2, ' ', 0)
	if !u.json {
		fmt.Fprintln(w, "TARGET\tRUST\tVARIANTS\tFAULT\tOBJECTS\tSTATE")
	}
	for _, t := range target.All() {
		state, help := "ready", ""
		if err := (tool.BuildOptions{}).Available(c.Context, nil, t.Triple); err != nil {
			list := diag.All(err)
			if len(list) == 0 {
				return err
			}
			state = "not installed"
			if len(list[0].Help) > 0 {
				help = list[0].Help[0]
			}
		}
		if u.json {
			u.writeJSON(map[string]any{
				"reason": "rustgo-target", "target": t.String(), "triple": t.Triple,
				"variants": t.Variants(), "fault": t.Fault().String(), "objects": t.Objects().String(),
				"ready": state == "ready", "help": help,
			})
			continue
		}
		if help != "" {
			state += ": " + help
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t, t.Triple, cmp.Or(strings.Join(t.Variants(), " "), "none"), t.Fault(), t.Objects(), state)
	}
	return w.Flush()
}
