package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/emit"
	"github.com/cargo-rustgo/cargo-rustgo/internal/prebuilt"
	"github.com/cargo-rustgo/cargo-rustgo/internal/tool"
)

// toolexec runs one of Go's tools as the go command asks for it.
//
//   - asm learns from the stub of a package which functions are in its archive.
//   - compile adds a note to the package, by which link recognizes it.
//   - link gets packages with a note together with the machine code of their
//     archives.
//
// All others run as they are.
func toolexec(ctx context.Context, stdout io.Writer, path string, args []string) error {
	var r tool.Runner
	name := strings.TrimSuffix(filepath.Base(path), ".exe")
	switch {
	case slices.Contains(args, "-V=full"):
		return printToolID(ctx, stdout, path, name, args)
	case name == "asm":
		return asm(ctx, path, args)
	case name == "compile":
		if err := r.Run(ctx, path, args...); err != nil {
			return err
		}
		return note(args)
	case name == "link":
		return link(ctx, path, args)
	}
	return r.Run(ctx, path, args...)
}

// printToolID answers -V=full. The go command takes the answer for what a tool
// does: if it changes, what the tool made is made again (toolID in
// cmd/go/internal/work/buildid.go, Go 1.26). asm and link add what they depend on
// here. compile does not: the packages for which it adds a note have assembly,
// and so depend on asm. This way packages without assembly are the same as
// without gowrap.
func printToolID(ctx context.Context, stdout io.Writer, path, name string, args []string) error {
	text, err := tool.Runner{}.Output(ctx, path, args...)
	if err != nil {
		return err
	}
	line := strings.TrimRight(string(text), "\n")
	if name == "asm" || name == "link" {
		h := sha256.New()
		if err := hashSelf(h); err != nil {
			return err
		}
		if name == "link" {
			if err := hashArchives(ctx, h); err != nil {
				return err
			}
		}
		// A development version of Go takes what follows the last slash of the
		// last word, a release the whole line.
		sum := hex.EncodeToString(h.Sum(nil))[:32]
		if fields := strings.Fields(line); len(fields) > 0 && strings.HasPrefix(fields[len(fields)-1], "buildID=") {
			line += "+gowrap-" + sum
		} else {
			line += " gowrap=" + sum
		}
	}
	_, err = fmt.Fprintln(stdout, line)
	return err
}

// hashSelf adds this program.
func hashSelf(h io.Writer) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return err
}

// asm assembles. For the stub of a package it adds what that asks for
// (emit.PrebuiltFiles), and to the answer of -gensymabis, which compile will get,
// a comment with the digest of the package's declarations: the stub is the file
// that is sure to be in the directory of the package.
func asm(ctx context.Context, path string, args []string) error {
	i := slices.IndexFunc(args, func(a string) bool { return filepath.Base(a) == prebuilt.Stub })
	if i < 0 {
		return tool.Runner{}.Run(ctx, path, args...)
	}
	stub, define := args[i], []string{"-D", "RUSTGO_GOWRAP"}
	if !slices.Contains(args, "-gensymabis") {
		return tool.Runner{}.Run(ctx, path, append(define, args...)...)
	}
	define = append(define, "-D", "RUSTGO_SYMABIS")
	if err := (tool.Runner{}).Run(ctx, path, append(define, args...)...); err != nil {
		return err
	}
	digest, err := declarations(filepath.Dir(stub))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(flag(args, "-o"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(digestComment + digest + "\n")
	return errors.Join(err, f.Close())
}

// digestComment begins a line of a symabis file. The compiler skips it
// (ReadSymABIs in cmd/compile/internal/ssagen/abi.go, Go 1.26).
const digestComment = "#rustgo:declarations "

// note adds a note to a package that has just been compiled, if it has a stub.
func note(args []string) error {
	importPath, output, symabis := flag(args, "-p"), flag(args, "-o"), flag(args, "-symabis")
	if symabis == "" {
		return nil // no assembly
	}
	text, err := os.ReadFile(symabis)
	if err != nil {
		return err
	}
	_, digest, ok := strings.Cut(string(text), digestComment)
	if !ok {
		return nil
	}
	compiled, err := os.ReadFile(output)
	if err != nil {
		return err
	}
	with, err := prebuilt.AddNote(compiled, &prebuilt.Note{ImportPath: importPath, Declarations: strings.TrimSpace(digest)})
	if err != nil {
		return fmt.Errorf("%s: %w", output, err)
	}
	return os.WriteFile(output, with, 0o666)
}

// declarations returns the digest of the Go files in a directory.
func declarations(dir string) (string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	files := map[string][]byte{}
	for _, path := range names {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			return "", err
		}
	}
	return prebuilt.Declarations(files, emit.Header)
}

// flag returns the value of a flag of one of Go's tools.
func flag(args []string, name string) string {
	for i, a := range args {
		if a == name && i+1 < len(args) {
			return args[i+1]
		}
		if value, ok := strings.CutPrefix(a, name+"="); ok {
			return value
		}
	}
	return ""
}
