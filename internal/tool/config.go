package tool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/token"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/diag"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
	"golang.org/x/mod/module"
)

// Config is the table [package.metadata.rustgo] of Cargo.toml.
type Config struct {
	// GoPackage is the name of the Go package, or "".
	GoPackage string
	// GoDir is the directory of the Go package, relative to that of the manifest;
	// empty means that one.
	GoDir string
	// ImportPath is the import path of the Go package, or "".
	ImportPath string
	// Exports are the functions to export; nil means every exported function
	// of the crate.
	Exports []Export
	// StackSize is the size in bytes of the stacks for functions that do not
	// run on a goroutine's, or 0.
	StackSize int
	// StackLimit is how many bytes of a goroutine's stack a call may take, or
	// 0 for the default.
	StackLimit int
	// HeapSize is how many bytes the crate's global allocator may use, or 0.
	HeapSize int
	// OmitFramePointers lets the compiler use the register of the frame pointer
	// for other things.
	OmitFramePointers bool
	// Variants are processors that get machine code of their own.
	Variants []target.Variant
	// BuildStd has cargo compile Rust's standard library, too.
	BuildStd bool
	// RequireBounds refuses functions for whose stack there is no bound.
	RequireBounds bool
	// Functions are the settings of single functions, by symbol.
	Functions map[string]FunctionConfig
}

// FunctionConfig is the table functions.SYMBOL.
type FunctionConfig struct {
	// OwnStack makes the function run on a stack of its own.
	OwnStack bool
	// StackLimit is as in Config; 0 means that of Config.
	StackLimit int
	// Method makes a method of the function: "true", or its name.
	Method string
	// Blocking is set for calls for which the garbage collector and other
	// goroutines should not wait.
	Blocking bool
}

// Export is one exported function.
type Export struct {
	Symbol string
	// GoName is the name of the Go function, or "" to derive it from Symbol.
	GoName string
}

// configKeys has a row for each key: how its value is decoded. The error of a
// decoder says what the value must be.
var configKeys = map[string]func(c *Config, value json.RawMessage) error{
	"go-package": func(c *Config, value json.RawMessage) error {
		if json.Unmarshal(value, &c.GoPackage) != nil {
			return fmt.Errorf("must be a string")
		}
		if !token.IsIdentifier(c.GoPackage) || c.GoPackage == "_" {
			return fmt.Errorf("must be a Go identifier, not %q", c.GoPackage)
		}
		return nil
	},
	"go-dir": func(c *Config, value json.RawMessage) error {
		if json.Unmarshal(value, &c.GoDir) != nil || c.GoDir == "" {
			return fmt.Errorf("must be a directory, relative to the manifest")
		}
		return nil
	},
	"import-path": func(c *Config, value json.RawMessage) error {
		if json.Unmarshal(value, &c.ImportPath) != nil {
			return fmt.Errorf("must be a string")
		}
		if err := module.CheckImportPath(c.ImportPath); err != nil {
			return fmt.Errorf("must be an import path: %w", err)
		}
		return nil
	},
	"exports": func(c *Config, value json.RawMessage) (err error) {
		c.Exports, err = decodeExports(value)
		return err
	},
	"stack-size": func(c *Config, value json.RawMessage) (err error) {
		c.StackSize, err = decodeBytes(value, 16<<10, maxStack)
		return err
	},
	"stack-limit": func(c *Config, value json.RawMessage) (err error) {
		c.StackLimit, err = decodeBytes(value, 1, maxStack)
		return err
	},
	"heap-size": func(c *Config, value json.RawMessage) (err error) {
		c.HeapSize, err = decodeBytes(value, 1<<20, maxHeap)
		return err
	},
	"frame-pointers": func(c *Config, value json.RawMessage) error {
		keep := true
		if json.Unmarshal(value, &keep) != nil {
			return fmt.Errorf("must be true or false")
		}
		c.OmitFramePointers = !keep
		return nil
	},
	"variants": func(c *Config, value json.RawMessage) error {
		var names []string
		if json.Unmarshal(value, &names) != nil {
			return fmt.Errorf("must be a list of processors, such as \"x86-64-v3\" or \"armv8.1-a\"")
		}
		for _, name := range names {
			v, err := target.ParseVariant(name)
			if err != nil {
				return err
			}
			for _, w := range c.Variants {
				if v.GOARCH == w.GOARCH && v.Needs == w.Needs {
					return fmt.Errorf("names %q, which is the same as %q", v, w)
				}
			}
			c.Variants = append(c.Variants, v)
		}
		return nil
	},
	"build-std": func(c *Config, value json.RawMessage) error {
		if json.Unmarshal(value, &c.BuildStd) != nil {
			return fmt.Errorf("must be true or false")
		}
		return nil
	},
	"require-bounds": func(c *Config, value json.RawMessage) error {
		if json.Unmarshal(value, &c.RequireBounds) != nil {
			return fmt.Errorf("must be true or false")
		}
		return nil
	},
	"functions": func(c *Config, value json.RawMessage) (err error) {
		c.Functions, err = decodeFunctions(value)
		return err
	},
}

// maxStack and maxHeap bound what can be asked for: 1 GiB and 16 TiB.
const (
	maxStack = 1 << 30
	maxHeap  = 1 << 44
)

// decodeBytes decodes a number of bytes.
func decodeBytes(value json.RawMessage, least, most int) (int, error) {
	var n int
	if json.Unmarshal(value, &n) != nil || n < least || n > most {
		return 0, fmt.Errorf("must be a number of bytes from %d to %d", least, most)
	}
	return n, nil
}

func decodeFunctions(value json.RawMessage) (map[string]FunctionConfig, error) {
	var table map[string]map[string]json.RawMessage
	if json.Unmarshal(value, &table) != nil || table == nil {
		return nil, fmt.Errorf("must be a table of tables: [package.metadata.rustgo.functions.SYMBOL]")
	}
	functions := map[string]FunctionConfig{}
	for _, symbol := range slices.Sorted(maps.Keys(table)) {
		var f FunctionConfig
		for _, key := range slices.Sorted(maps.Keys(table[symbol])) {
			value := table[symbol][key]
			switch key {
			case "stack":
				var word string
				if json.Unmarshal(value, &word) == nil && word == "big" {
					f.OwnStack = true
					continue
				}
				var err error
				if f.StackLimit, err = decodeBytes(value, 1, maxStack); err != nil {
					return nil, fmt.Errorf("sets `%s.stack`, which must be \"big\" or a number of bytes from 1 to %d", symbol, maxStack)
				}
			case "method":
				var is bool
				if json.Unmarshal(value, &is) == nil {
					if is {
						f.Method = "true"
					}
				} else if json.Unmarshal(value, &f.Method) != nil || !token.IsExported(f.Method) || !token.IsIdentifier(f.Method) {
					return nil, fmt.Errorf("sets `%s.method`, which must be true or the name of an exported method", symbol)
				}
			case "blocking":
				if json.Unmarshal(value, &f.Blocking) != nil {
					return nil, fmt.Errorf("sets `%s.blocking`, which must be true or false", symbol)
				}
			default:
				return nil, fmt.Errorf("sets `%s.%s`; the keys of a function are `blocking`, `method` and `stack`", symbol, key)
			}
		}
		functions[symbol] = f
	}
	return functions, nil
}

func decodeExports(value json.RawMessage) ([]Export, error) {
	exports := []Export{}
	var list []string
	var table map[string]string
	switch {
	case json.Unmarshal(value, &list) == nil:
		for _, symbol := range list {
			exports = append(exports, Export{Symbol: symbol})
		}
	case json.Unmarshal(value, &table) == nil:
		for _, symbol := range slices.Sorted(maps.Keys(table)) {
			name := table[symbol]
			if !token.IsExported(name) || !token.IsIdentifier(name) {
				return nil, fmt.Errorf("gives `%s` the Go name %q, which is not an exported identifier", symbol, name)
			}
			exports = append(exports, Export{symbol, name})
		}
	default:
		return nil, fmt.Errorf("must be an array of symbols, or a table from symbol to Go name")
	}
	if len(exports) == 0 {
		return nil, fmt.Errorf("must name at least one symbol")
	}
	symbols, names := map[string]bool{}, map[string]string{}
	for _, e := range exports {
		if e.Symbol == "" {
			return nil, fmt.Errorf("names an empty symbol")
		}
		if symbols[e.Symbol] {
			return nil, fmt.Errorf("names `%s` twice", e.Symbol)
		}
		symbols[e.Symbol] = true
		if other, ok := names[e.GoName]; ok && e.GoName != "" {
			return nil, fmt.Errorf("gives `%s` and `%s` the same Go name", other, e.Symbol)
		}
		names[e.GoName] = e.Symbol
	}
	return exports, nil
}

// Config returns the package's configuration, which is the workspace's if the
// package has none, or nil if there is neither.
func (m *Metadata) Config(p *Package) (*Config, error) {
	for _, place := range []struct {
		extra    json.RawMessage
		table    string
		manifest string
	}{
		{p.Extra, "package.metadata.rustgo", p.ManifestPath},
		{m.WorkspaceExtra, "workspace.metadata.rustgo", m.WorkspaceRoot + string(os.PathSeparator) + "Cargo.toml"},
	} {
		// Other tools keep their tables here too, in any form they like.
		var extra map[string]json.RawMessage
		if json.Unmarshal(place.extra, &extra) != nil || extra["rustgo"] == nil {
			continue
		}
		return decodeConfig(extra["rustgo"], place.table, place.manifest)
	}
	return nil, nil
}

func decodeConfig(value json.RawMessage, table, manifest string) (*Config, error) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(value, &keys) != nil || keys == nil {
		return nil, configError(manifest, table, "", "`%s` must be a table", table)
	}
	c := new(Config)
	var list diag.List
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		decode, ok := configKeys[key]
		if !ok {
			d := configError(manifest, table, key, "unknown key `%s` in `%s`", key, table)
			known := slices.Sorted(maps.Keys(configKeys))
			d.Help = []string{fmt.Sprintf("did you mean `%s`?", diag.Nearest(key, known))}
			list = append(list, d)
			continue
		}
		if err := decode(c, keys[key]); err != nil {
			list = append(list, configError(manifest, table, key, "`%s` in `%s` %v", key, table, err))
		}
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// configError returns a diagnostic that points at a key of the manifest.
func configError(manifest, table, key, format string, args ...any) *diag.Diagnostic {
	d := diag.New(diag.BadConfig, format, args...)
	span := diag.Span{File: manifest}
	// Cargo's metadata has no positions. The line is found by a plain search,
	// which inline tables may escape: then the file alone has to do.
	if text, err := os.ReadFile(manifest); err == nil {
		inTable := false
		for i, line := range bytes.Split(text, []byte("\n")) {
			trimmed := strings.TrimSpace(string(line))
			if strings.HasPrefix(trimmed, "[") {
				inTable = strings.HasPrefix(trimmed, "["+table+"]") || strings.HasPrefix(trimmed, "["+table+"."+key+"]")
				if !inTable || key != "" && !strings.HasPrefix(trimmed, "["+table+"."+key+"]") {
					continue
				}
			} else if name, _, ok := strings.Cut(trimmed, "="); !inTable || !ok || strings.Trim(name, " \t\"'") != key {
				continue
			}
			span.Line = i + 1
			span.Source = strings.TrimRight(string(line), "\r")
			span.Column = strings.Index(span.Source, trimmed) + 1
			break
		}
	}
	d.Spans = []diag.Span{span}
	return d
}

// HasConfig reports whether the package itself has a table
// [package.metadata.rustgo].
func (p *Package) HasConfig() bool {
	var extra map[string]json.RawMessage
	return json.Unmarshal(p.Extra, &extra) == nil && extra["rustgo"] != nil
}
