package tool

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Cargo takes rustc flags from the first of four sources that has any:
// CARGO_ENCODED_RUSTFLAGS, RUSTFLAGS, target.*.rustflags, build.rustflags
// (https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags).
// Adding flags of ours to any one of them can switch off another, and
// --config cannot add to a value that a file gives as a string: cargo then
// fails to merge. So userRustFlags works out which flags cargo would use, and
// the build passes them and ours as CARGO_ENCODED_RUSTFLAGS, which may contain
// spaces and overrides the other three.

// cargoConfig is the merged part of cargo's configuration that we read.
type cargoConfig struct {
	layers []map[string]any // from the weakest to the strongest
}

// loadConfig reads the configuration as cargo finds it from c's directory:
// https://doc.rust-lang.org/cargo/reference/config.html#hierarchical-structure.
func (c Cargo) loadConfig(args []string) (*cargoConfig, error) {
	dir, err := c.dir()
	if err != nil {
		return nil, err
	}
	home, err := c.cargoHome()
	if err != nil {
		return nil, err
	}
	config := new(cargoConfig)
	// Arguments are the strongest, and of two the later.
	for _, arg := range slices.Backward(args) {
		path := arg
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			if err := config.prependFile(path, 0); err != nil {
				return nil, err
			}
		} else if err := config.prepend([]byte(arg), dir, 0); err != nil {
			return nil, fmt.Errorf("--config %s: %w", arg, err)
		}
	}
	seenHome := false
	for d := dir; ; d = filepath.Dir(d) {
		seenHome = seenHome || filepath.Join(d, ".cargo") == home
		if err := config.prependDir(filepath.Join(d, ".cargo")); err != nil {
			return nil, err
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	if !seenHome {
		if err := config.prependDir(home); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// prependDir adds the configuration file of a directory, if there is one. The
// name without extension is the old one, which cargo prefers.
func (config *cargoConfig) prependDir(dir string) error {
	for _, name := range []string{"config", "config.toml"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return config.prependFile(path, 0)
		}
	}
	return nil
}

func (config *cargoConfig) prependFile(path string, depth int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := config.prepend(text, filepath.Dir(path), depth); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// maxIncludes bounds a chain of included files; cargo refuses cycles.
const maxIncludes = 32

// prepend adds a layer weaker than all so far, and below it the files that it
// includes (https://doc.rust-lang.org/cargo/reference/config.html#including-configuration-files).
func (config *cargoConfig) prepend(text []byte, dir string, depth int) error {
	if depth > maxIncludes {
		return errors.New("the files that `include` names include each other")
	}
	var layer map[string]any
	if err := toml.NewDecoder(bytes.NewReader(text)).Decode(&layer); err != nil {
		return err
	}
	config.layers = slices.Insert(config.layers, 0, layer)
	includes, _ := layer["include"].([]any)
	if one, ok := layer["include"].(string); ok {
		includes = []any{one}
	}
	for _, include := range slices.Backward(includes) {
		path, _ := include.(string)
		if table, ok := include.(map[string]any); ok {
			path, _ = table["path"].(string)
		}
		if path == "" {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		// Whether a missing file is an error is for cargo to say.
		if err := config.prependFile(path, depth+1); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// get returns the values of a key, from the weakest to the strongest.
func (config *cargoConfig) get(keys ...string) []any {
	var values []any
	for _, layer := range config.layers {
		var value any = layer
		for _, key := range keys {
			table, _ := value.(map[string]any)
			value = table[key]
		}
		if value != nil {
			values = append(values, value)
		}
	}
	return values
}

// list merges a key as cargo does: arrays are joined, and of strings, which
// hold words separated by spaces, the strongest remains. A mixture is an error
// that is left to cargo.
func (config *cargoConfig) list(keys ...string) []string {
	var words []string
	for _, value := range config.get(keys...) {
		switch value := value.(type) {
		case string:
			words = strings.Fields(value)
		case []any:
			for _, item := range value {
				if word, ok := item.(string); ok {
					words = append(words, word)
				}
			}
		}
	}
	return words
}

func (config *cargoConfig) rustcPath() string {
	values := config.get("build", "rustc")
	if len(values) == 0 {
		return ""
	}
	path, _ := values[len(values)-1].(string)
	return path
}

// buildsStd reports whether cargo will compile the standard library itself.
func (config *cargoConfig) buildsStd(unstable []string) bool {
	return len(config.get("unstable", "build-std")) > 0 ||
		slices.ContainsFunc(unstable, func(flag string) bool { return strings.HasPrefix(flag, "build-std") })
}

// userRustFlags returns the flags that cargo would pass to rustc for a target.
func (c Cargo) userRustFlags(config *cargoConfig, triple string, cfg []string) []string {
	if flags, ok := c.lookupEnv("CARGO_ENCODED_RUSTFLAGS"); ok {
		if flags == "" {
			return nil
		}
		return strings.Split(flags, "\x1f")
	}
	if flags, ok := c.lookupEnv("RUSTFLAGS"); ok {
		// Here cargo splits at spaces only, in its files at any white space.
		words := strings.Split(flags, " ")
		for i := range words {
			words[i] = strings.TrimSpace(words[i])
		}
		return slices.DeleteFunc(words, func(word string) bool { return word == "" })
	}
	name := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(triple))
	flags := config.list("target", triple, "rustflags")
	flags = append(flags, strings.Fields(c.getenv("CARGO_TARGET_"+name+"_RUSTFLAGS"))...)
	keys := map[string]bool{}
	for _, value := range config.get("target") {
		table, _ := value.(map[string]any)
		for key := range table {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if inner, ok := strings.CutPrefix(key, "cfg("); ok && strings.HasSuffix(inner, ")") && matchCfg(inner[:len(inner)-1], cfg) {
			flags = append(flags, config.list("target", key, "rustflags")...)
		}
	}
	if len(flags) > 0 {
		return flags
	}
	flags = config.list("build", "rustflags")
	return append(flags, strings.Fields(c.getenv("CARGO_BUILD_RUSTFLAGS"))...)
}
