package main

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/driver"
	"github.com/urfave/cli/v2"
)

func archiveCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:      "archive",
		Usage:     "look into static libraries",
		UsageText: "cargo rustgo archive COMMAND",
		Subcommands: []*cli.Command{{
			Name:        "list",
			Usage:       "print the name, the size and the SHA-256 of every member",
			UsageText:   "cargo rustgo archive list FILE",
			Description: "Each line is NAME, a tab, the size in bytes, a tab, the hash in hexadecimal.\nSymbol tables and name tables are not members.",
			Flags:       outputFlags(),
			Action:      func(c *cli.Context) error { return archiveList(c, u) },
		}},
	}
}

func archiveList(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	positional, rest := splitRest(c.Args().Slice())
	files := append(positional, rest...)
	if len(files) != 1 {
		return usageErrorf("archive list needs one file, not %d", len(files))
	}
	return driver.ListArchive(files[0], u.stdout)
}
