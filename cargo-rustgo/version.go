package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func versionCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:      "version",
		Usage:     "print the version",
		UsageText: "cargo rustgo version",
		Flags:     outputFlags(),
		Action: func(c *cli.Context) error {
			if err := u.configure(c); err != nil {
				return err
			}
			if err := noArguments(c.Args().Slice()); err != nil {
				return err
			}
			return printVersion(u)
		},
	}
}

// version returns the module version that the binary was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func printVersion(u *ui) error {
	if u.json {
		u.writeJSON(map[string]any{"reason": "rustgo-version", "version": version(), "go": runtime.Version()})
		return nil
	}
	_, err := fmt.Fprintf(u.stdout, "cargo-rustgo %s (%s)\n", version(), runtime.Version())
	return err
}
