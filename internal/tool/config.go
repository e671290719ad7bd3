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
)

// Config is the table [package.metadata.rustgo] of Cargo.toml.
type Config struct {
	// GoPackage is the name of the Go package, or "".
	GoPackage string
	// Exports are the functions to export; nil means every exported function
	// of the crate.
	Exports []Export
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
	"exports": func(c *Config, value json.RawMessage) (err error) {
		c.Exports, err = decodeExports(value)
		return err
	},
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
