package elfmacho

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrBitcode is returned by Parse for LLVM bitcode, which rustc writes instead
// of machine code when linker-plugin LTO is on.
var ErrBitcode = errors.New("LLVM bitcode instead of machine code")

// Parse reads a relocatable object, ELF or Mach-O. The result aliases data, which must stay
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
	case IsMachO(data):
		return parseMachO(data)
	case bytes.HasPrefix(data, []byte("\xce\xfa\xed\xfe")), bytes.HasPrefix(data, []byte("\xfe\xed\xfa\xce")):
		return nil, bad(0, "a 32-bit Mach-O object; only 64-bit objects can go into a Go program")
	case bytes.HasPrefix(data, []byte("\xfe\xed\xfa\xcf")):
		return nil, bad(0, "a big-endian Mach-O object; only little-endian targets are supported")
	case IsFat(data):
		return nil, bad(0, "a file for several architectures where an object is expected")
	case len(data) == 0:
		return nil, &FormatError{-1, "empty file"}
	}
	return nil, &FormatError{0, "not an object file: unknown magic"}
}

// IsMachO reports whether data starts like a Mach-O object that Parse reads.
func IsMachO(data []byte) bool { return bytes.HasPrefix(data, []byte(machoMagic)) }

// IsObject reports whether data starts like an object file that Parse reads
// or refuses with a reason of its own.
func IsObject(data []byte) bool {
	for _, magic := range []string{
		"\x7fELF", "BC\xc0\xde", "\xde\xc0\x17\x0b",
		machoMagic, "\xce\xfa\xed\xfe", "\xfe\xed\xfa\xcf", "\xfe\xed\xfa\xce", fatMagic, fatMagic64,
	} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return true
		}
	}
	return false
}
