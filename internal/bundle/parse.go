package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// ParseProvenance reads what Marshal writes. Keys that are missing, unknown or
// there twice are errors, and so are values that Marshal would not write. Space
// and the order of keys and lists do not matter.
func ParseProvenance(data []byte) (*Provenance, error) {
	if len(data) > maxProvenance {
		return nil, fmt.Errorf("record of %d bytes; the limit is %d", len(data), maxProvenance)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("record is not UTF-8")
	}
	// A record of another schema has other keys, so this comes first. It also
	// sees to it that the record is JSON, and that nothing follows it.
	var head struct {
		Schema json.RawMessage `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, err
	}
	if s := string(head.Schema); s != "" && s != fmt.Sprint(schema) {
		return nil, fmt.Errorf("schema %.20s is unknown; the one known is %d", s, schema)
	}
	p := new(Provenance)
	if err := p.read(decoder{json.NewDecoder(bytes.NewReader(data))}); err != nil {
		return nil, err
	}
	p = p.sorted()
	if err := p.validate(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Provenance) read(d decoder) error {
	var version int
	return d.object(map[string]func() error{
		"schema": func() error { return value(d, &version) },
		"crate": func() error {
			return d.object(map[string]func() error{
				"name":    func() error { return value(d, &p.Crate.Name) },
				"version": func() error { return value(d, &p.Crate.Version) },
			})
		},
		"cargo_lock": func() error { return value(d, &p.CargoLock) },
		"rustc":      func() error { return value(d, &p.Rustc) },
		"go":         func() error { return value(d, &p.Go) },
		"tool":       func() error { return value(d, &p.Tool) },
		"profile":    func() error { return value(d, &p.Profile) },
		"features":   func() error { return list(d, &p.Features, value) },
		"targets":    func() error { return list(d, &p.Targets, readTarget) },
		"files":      func() error { return list(d, &p.Files, readDigest) },
	})
}

func readTarget(d decoder, t *Target) error {
	return d.object(map[string]func() error{
		"goarch":    func() error { return value(d, &t.GOARCH) },
		"goos":      func() error { return value(d, &t.GOOS) },
		"rustflags": func() error { return list(d, &t.RustFlags, value) },
		"triple":    func() error { return value(d, &t.Triple) },
	})
}

func readDigest(d decoder, f *Digest) error {
	return d.object(map[string]func() error{
		"path":   func() error { return value(d, &f.Path) },
		"sha256": func() error { return value(d, &f.SHA256) },
		"size":   func() error { return value(d, &f.Size) },
	})
}

// decoder is stricter than package json, which takes keys twice, in any case, or
// not at all, and null for anything.
type decoder struct{ *json.Decoder }

// object reads an object that has just these keys.
func (d decoder) object(fields map[string]func() error) error {
	if err := d.delim('{'); err != nil {
		return err
	}
	seen := make(map[string]bool, len(fields))
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		read, ok := fields[key]
		if !ok {
			return fmt.Errorf("%.64q: unknown key", key)
		}
		if seen[key] {
			return fmt.Errorf("%q: twice", key)
		}
		seen[key] = true
		if err := read(); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !seen[key] {
			return fmt.Errorf("%q: missing", key)
		}
	}
	return d.delim('}')
}

// list reads an array.
func list[T any](d decoder, to *[]T, read func(decoder, *T) error) error {
	if err := d.delim('['); err != nil {
		return err
	}
	for d.More() {
		var element T
		if err := read(d, &element); err != nil {
			return fmt.Errorf("%d: %w", len(*to), err)
		}
		*to = append(*to, element)
	}
	return d.delim(']')
}

// value reads a string or a number.
func value[T string | int | int64](d decoder, to *T) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return err
	}
	if string(raw) == "null" {
		return errors.New("null")
	}
	return json.Unmarshal(raw, to)
}

func (d decoder) delim(want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%.64q, want %q", fmt.Sprint(token), want.String())
	}
	return nil
}
