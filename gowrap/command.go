package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// goCommand runs the go command with its tools wrapped.
func goCommand(ctx context.Context, command string, args []string) error {
	for _, a := range args {
		if a == "--" || a == "-args" || a == "--args" {
			break
		}
		if name, _, _ := strings.Cut(strings.TrimPrefix(a, "-"), "="); name == "-toolexec" || name == "toolexec" {
			return errors.New("-toolexec is what gowrap itself is for: run `go " + command + "` with it, or leave it out")
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	chdir, args := cutChdir(args)
	flags, packages := describe(args)
	if len(packages) == 0 {
		packages = []string{"."}
	}
	dir, err := workingDir(chdir)
	if err != nil {
		return err
	}
	r := tool.Runner{Env: append(os.Environ(),
		envDir+"="+dir,
		envFlags+"="+strings.Join(flags, "\n"),
		envPackages+"="+strings.Join(packages, "\n"))}
	if err := buildCrates(ctx, r, dir, flags, packages); err != nil {
		return err
	}
	all := slices.Concat(chdir, []string{"-toolexec=" + quote(self)}, args)
	return r.Run(ctx, "go", append([]string{command}, all...)...)
}

// cutChdir separates the flag -C, which is the first if there is one.
func cutChdir(args []string) (chdir, rest []string) {
	n := 0
	if len(args) > 0 {
		switch name := "-" + strings.TrimLeft(args[0], "-"); {
		case name == "-C":
			n = min(2, len(args))
		case strings.HasPrefix(name, "-C="):
			n = 1
		}
	}
	return args[:n:n], args[n:]
}

// workingDir returns the directory that the go command will be in.
func workingDir(chdir []string) (string, error) {
	if len(chdir) == 0 {
		return os.Getwd()
	}
	dir := chdir[len(chdir)-1]
	if _, value, ok := strings.Cut(chdir[0], "="); ok {
		dir = value
	}
	return filepath.Abs(dir)
}

// describe returns the flags that have to do with where packages are, and the
// arguments that can be packages. The go command has many flags, and more with
// each release; so values of flags are among the packages, where they do no harm:
// they only have to be found if they are packages.
func describe(args []string) (flags, packages []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" || a == "-args" || a == "--args" {
			break
		}
		name, _, hasValue := strings.Cut(a, "=")
		switch name = "-" + strings.TrimLeft(name, "-"); {
		case !strings.HasPrefix(a, "-"):
			packages = append(packages, a)
		case slices.Contains([]string{"-mod", "-modfile", "-overlay", "-tags"}, name):
			if hasValue {
				flags = append(flags, a)
			} else if i+1 < len(args) {
				flags = append(flags, name+"="+args[i+1])
				i++
			}
		}
	}
	return flags, packages
}

// quote makes one word of a path for -toolexec (Split in
// cmd/internal/quoted, Go 1.26).
func quote(path string) string {
	switch {
	case !strings.ContainsAny(path, " \t\n\r'\""):
		return path
	case !strings.Contains(path, `"`):
		return `"` + path + `"`
	}
	return "'" + path + "'"
}
