package elfmacho

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrBitcode is returned by Parse for LLVM bitcode, which rustc writes instead
// of machine code when linker-plugin LTO is on.
var ErrBitcode = errors.New("LLVM bitcode instead of machine code")

// Parse reads a relocatable object. The result aliases data, which must stay
// unchanged while it is used. Name is for messages. Input that is not a
// well-formed object of a supported kind gives a *FormatError, or ErrBitcode,
// wrapped with the name.
func Parse(name string, data []byte) (*Object, error) {
	o, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	o.Name = name
	return o, nil
}

func parse(data []byte) (*Object, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\x7fELF")):
		return parseELF(data)
	case bytes.HasPrefix(data, []byte("BC\xc0\xde")), bytes.HasPrefix(data, []byte("\xde\xc0\x17\x0b")):
		return nil, ErrBitcode
	case bytes.HasPrefix(data, []byte("\xcf\xfa\xed\xfe")), bytes.HasPrefix(data, []byte("\xca\xfe\xba\xbe")):
		return nil, &FormatError{-1, "a Mach-O file where an ELF object is expected"}
	case len(data) == 0:
		return nil, &FormatError{-1, "empty file"}
	}
	return nil, &FormatError{0, "not an object file: unknown magic"}
}

// IsObject reports whether data starts like an object file that Parse reads
// or refuses with a reason of its own.
func IsObject(data []byte) bool {
	for _, magic := range []string{"\x7fELF", "BC\xc0\xde", "\xde\xc0\x17\x0b", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return true
		}
	}
	return false
}
