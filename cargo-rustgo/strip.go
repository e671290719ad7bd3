package main

import (
	"github.com/cargo-rustgo/cargo-rustgo/internal/driver"
	"github.com/urfave/cli/v2"
)

func stripCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:      "strip",
		Usage:     "link archives and objects into one object that holds only what is live",
		UsageText: "cargo rustgo strip --export SYMBOL... --output FILE [OPTION...] INPUT...",
		Description: "Like `ld -r --gc-sections -u SYMBOL`: the output holds what the exported symbols\n" +
			"reach and no debug data, and all its other globals become local.",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "export", Aliases: []string{"u"}, Usage: "keep `SYMBOL` and what it reaches; a list with commas names several"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the object to `FILE`"},
			&cli.BoolFlag{DisableDefaultText: true, Name: "keep-globals", Usage: "leave other global symbols global"},
		}, outputFlags()...),
		Action: func(c *cli.Context) error { return strip(c, u) },
	}
}

func strip(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	positional, rest := splitRest(c.Args().Slice())
	o := driver.StripOptions{
		Exports:     commaList(c.StringSlice("export")),
		Output:      c.String("output"),
		Inputs:      append(positional, rest...),
		KeepGlobals: c.Bool("keep-globals"),
	}
	seen := map[string]bool{}
	for _, symbol := range o.Exports {
		if seen[symbol] {
			return usageErrorf("--export names `%s` twice", symbol)
		}
		seen[symbol] = true
	}
	switch {
	case len(o.Exports) == 0:
		return &usageError{msg: "nothing to keep", hint: "name a symbol with `--export`"}
	case o.Output == "":
		return &usageError{msg: "no output file", hint: "name one with `--output`"}
	case len(o.Inputs) == 0:
		return usageErrorf("no input: give archives or object files")
	}
	return driver.Strip(c.Context, o)
}
