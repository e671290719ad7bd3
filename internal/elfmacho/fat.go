package elfmacho

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// A fat (universal) file holds one file per architecture (<mach-o/fat.h>). Its
// header is big-endian:
//
//	header     8 bytes: magic, number of slices
//	slice     20 bytes: CPU type and subtype, offset, size, alignment (log2)
//	slice64   32 bytes: the same with offset and size of 8 bytes, and 4 unused
const (
	fatMagic   = "\xca\xfe\xba\xbe" // FAT_MAGIC
	fatMagic64 = "\xca\xfe\xba\xbf" // FAT_MAGIC_64

	fatHeaderSize = 8
	fatArchSize   = 20
	fatArch64Size = 32

	// More are no fat file: Java's classes have the same magic, and a version
	// of at least 45 in place of the number of slices.
	maxSlices = 44

	maxSectAlign = 15 // MAXSECTALIGN

	// CPU types and subtypes (<mach/machine.h>).
	cpuAMD64 = 0x01000007
	cpuARM64 = 0x0100000c

	cpuSubtypeMask = 0x00ffffff // the other bits are capabilities
	cpuAMD64H      = 8
	cpuARM64E      = 2
)

// cpuName names a CPU type and subtype: as GOARCH does, where there is one.
func cpuName(cpu, subtype uint32) string {
	subtype &= cpuSubtypeMask
	switch {
	case cpu == cpuAMD64 && subtype == cpuAMD64H:
		return "x86_64h"
	case cpu == cpuARM64 && subtype == cpuARM64E:
		return "arm64e"
	}
	if name := map[uint32]string{
		cpuAMD64: "amd64", cpuARM64: "arm64", 7: "386", 12: "arm", 18: "ppc", 0x01000012: "ppc64", 0x0200000c: "arm64_32",
	}[cpu]; name != "" {
		return name
	}
	return fmt.Sprintf("an unknown machine (CPU type %#x)", cpu)
}

// IsFat reports whether data starts like a file for several architectures.
func IsFat(data []byte) bool {
	return bytes.HasPrefix(data, []byte(fatMagic)) || bytes.HasPrefix(data, []byte(fatMagic64))
}

// Slice returns the part of a fat file that is for a GOARCH: an object, or an
// archive. Without arch there must be one part only. What is no fat file is
// returned as it is. The error is a *FormatError, which names the parts there
// are.
func Slice(data []byte, arch string) ([]byte, error) {
	if !IsFat(data) {
		return data, nil
	}
	slices, err := readFat(data)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range slices {
		if s.name == arch || arch == "" && len(slices) == 1 {
			return data[s.off : s.off+s.size : s.off+s.size], nil
		}
		names = append(names, s.name)
	}
	there := strings.Join(names, ", ")
	if arch == "" {
		return nil, &FormatError{-1, fmt.Sprintf("a file for several architectures: %s; extract one with `lipo -thin`", there)}
	}
	return nil, &FormatError{-1, fmt.Sprintf("the file has no code for %s, but for %s", arch, there)}
}

type fatSlice struct {
	name      string
	off, size uint64
}

// readFat reads and checks the headers of all slices.
func readFat(data []byte) ([]fatSlice, error) {
	be := binary.BigEndian
	if len(data) < fatHeaderSize {
		return nil, bad(uint64(len(data)), "truncated header of a file for several architectures")
	}
	count, size := uint64(be.Uint32(data[4:])), uint64(fatArchSize)
	if bytes.HasPrefix(data, []byte(fatMagic64)) {
		size = fatArch64Size
	}
	if count == 0 || count > maxSlices {
		return nil, bad(4, "a file for %d architectures", count)
	}
	end := fatHeaderSize + count*size
	if end > uint64(len(data)) {
		return nil, bad(4, "%d headers of architectures end past the file", count)
	}
	list := make([]fatSlice, count)
	for i := range list {
		at := fatHeaderSize + uint64(i)*size
		h := data[at:]
		s := fatSlice{cpuName(be.Uint32(h), be.Uint32(h[4:])), uint64(be.Uint32(h[8:])), uint64(be.Uint32(h[12:]))}
		align := be.Uint32(h[16:])
		if size == fatArch64Size {
			s.off, s.size, align = be.Uint64(h[8:]), be.Uint64(h[16:]), be.Uint32(h[24:])
		}
		switch {
		case s.off > uint64(len(data)) || s.size > uint64(len(data))-s.off:
			return nil, bad(at, "the code for %s (%d bytes at %#x) ends past the file", s.name, s.size, s.off)
		case s.off < end:
			return nil, bad(at, "the code for %s overlaps the headers", s.name)
		case align > maxSectAlign || s.off%(1<<align) != 0:
			return nil, bad(at, "the code for %s at %#x is not aligned to 2^%d bytes", s.name, s.off, align)
		}
		for _, other := range list[:i] {
			if other.name == s.name {
				return nil, bad(at, "code for %s twice", s.name)
			}
			if s.off < other.off+other.size && other.off < s.off+s.size {
				return nil, bad(at, "the code for %s overlaps that for %s", s.name, other.name)
			}
		}
		list[i] = s
	}
	return list, nil
}
