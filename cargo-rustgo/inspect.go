package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/cargo-rustgo/cargo-rustgo/internal/driver"
	"github.com/urfave/cli/v2"
)

func inspectCommand(u *ui) *cli.Command {
	// The flags of build, but for those about what it writes.
	flags := buildFlagsBut(u, "out", "emit", "go-package", "import-path", "workspace")
	stack := &cli.BoolFlag{DisableDefaultText: true, Name: "stack", Usage: "print the frame, the stack bound and the deepest path, in bytes"}
	return &cli.Command{
		Name:      "inspect",
		Usage:     "print what is known of the exported functions",
		UsageText: "cargo rustgo inspect [OPTION...] [-- RUSTC-ARGUMENT...]",
		Flags:     append([]cli.Flag{stack}, flags...),
		Action:    func(c *cli.Context) error { return inspect(c, u) },
	}
}

func inspect(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	o, err := buildOptions(c, u)
	if err != nil {
		return err
	}
	list, err := driver.Inspect(c.Context, o)
	if err != nil {
		return err
	}
	if u.json {
		for _, f := range list {
			u.writeJSON(inspectedJSON(f, c.Bool("stack")))
		}
		return nil
	}
	w := tabwriter.NewWriter(u.stdout, 0, 0, 2, ' ', 0)
	if c.Bool("stack") {
		fmt.Fprintln(w, "FUNC\tFRAME\tMAX\tDEEPEST PATH")
		for _, f := range list {
			most, path := strconv.Itoa(f.Bytes), strings.Join(f.Path, " > ")
			if f.Reason != "" {
				most, path = "-", f.Reason
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", f.GoName, f.Frame, most, path)
		}
		return w.Flush()
	}
	fmt.Fprintln(w, "FUNC\tSTACK\tPANICS")
	for _, f := range list {
		most, panics := strconv.Itoa(f.Bytes), "no"
		if f.Panics {
			panics = "yes"
		}
		if f.Reason != "" {
			most, panics = "-", "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.GoSignature, most, panics)
	}
	return w.Flush()
}

// inspectedJSON leaves out what is not known where there is no bound.
func inspectedJSON(f driver.Inspected, stack bool) map[string]any {
	v := map[string]any{
		"reason":       "rustgo-inspect",
		"symbol":       f.Symbol,
		"go_name":      f.GoName,
		"go_signature": f.GoSignature,
		"platform":     f.Platform,
	}
	if stack {
		v["reason"] = "rustgo-stack"
		v["frame_bytes"] = f.Frame
		v["path"] = f.Path
	}
	if f.Reason != "" {
		v["unbounded"] = f.Reason
	} else {
		v["stack_bytes"] = f.Bytes
		v["panics"] = f.Panics
	}
	return v
}
