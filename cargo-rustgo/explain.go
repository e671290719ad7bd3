package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/urfave/cli/v2"
)

func explainCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "print what an error code means and how to fix it",
		UsageText: "cargo rustgo explain CODE",
		Flags:     outputFlags(),
		Action:    func(c *cli.Context) error { return explain(c, u) },
	}
}

func explain(c *cli.Context, u *ui) error {
	if err := u.configure(c); err != nil {
		return err
	}
	codes := diag.Codes()
	if c.Args().Len() != 1 {
		return &usageError{
			msg:  "explain needs one error code",
			hint: fmt.Sprintf("the codes are %s to %s", codes[0], codes[len(codes)-1]),
		}
	}
	code := strings.ToUpper(c.Args().First())
	page, ok := diag.Explain(code)
	if !ok {
		return &usageError{
			msg:  fmt.Sprintf("no such error code: %s", c.Args().First()),
			hint: fmt.Sprintf("the nearest is %s", diag.Nearest(code, codes)),
		}
	}
	if u.json {
		u.writeJSON(map[string]any{"reason": "rustgo-explain", "code": code, "markdown": page})
		return nil
	}
	_, err := io.WriteString(u.stdout, page)
	return err
}
