// Package elfmacho reads and writes relocatable objects and hides what differs
// between their formats. After Parse one Section is one unit of stripping.
package elfmacho

import (
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
	"github.com/cargo-rustgo/cargo-rustgo/internal/target"
)

// Object is one relocatable object file.
type Object struct {
	// Name says where the object came from, as messages print it:
	// "libfoo.a(foo.o)".
	Name string
	// Arch is the GOARCH of the machine code.
	Arch string
	// Format is that of the file; 0 if the object was not parsed.
	Format target.Format
	// Sections are indexed as Symbol.Section and Group.Sections index them.
	Sections []Section
	// Symbols are indexed as Reloc.Symbol indexes them.
	Symbols []Symbol
	// Groups are the COMDAT groups: of all groups with one signature a linker
	// keeps the first.
	Groups []Group

	decode func(section int32) ([]Reloc, error) // of a parsed object
	relocs map[int32][]Reloc                    // of an object that was made
}

// Relocs decodes the relocations of a section, in order of their offset. Every
// field lies inside the section and every symbol index inside o.Symbols.
func (o *Object) Relocs(section int32) ([]Reloc, error) {
	if o.decode == nil {
		return o.relocs[section], nil
	}
	return o.decode(section)
}

// SetRelocs gives a section of an object that was not parsed its relocations,
// in order of their offset.
func (o *Object) SetRelocs(section int32, list []Reloc) {
	if o.relocs == nil {
		o.relocs = map[int32][]Reloc{}
	}
	o.relocs[section] = list
	o.Sections[section].Relocated = int32(len(list))
}

// Kind classifies a section by what a linker does with its bytes.
type Kind uint8

const (
	Other    Kind = iota // not loaded: symbol tables, comments, notes
	Text                 // machine code
	ReadOnly             // constants without addresses
	RelRO                // constants that hold addresses (.data.rel.ro)
	Data                 // writable
	BSS                  // writable, all zero, no bytes in the file
	TLSData              // thread-local: refused when live
	Init                 // .init_array, .ctors, __mod_init_func and their like: refused when present
	Debug                // DWARF
	Unwind               // .eh_frame, __eh_frame, __compact_unwind
)

func (k Kind) String() string {
	names := [...]string{"other", "text", "read-only data", "relocated read-only data", "data", "bss", "thread-local data", "initializers", "debug data", "unwind data"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("section kind %d", k)
}

// Section is a run of bytes that a linker keeps or drops as one.
type Section struct {
	Name  string
	Align uint64 // in bytes, a power of two
	Size  uint64 // in bytes
	Data  []byte // nil for BSS; else Size bytes that alias the input
	// DataInCode are the parts of code that are marked as data (Mach-O), in
	// order, with other bytes between any two.
	DataInCode []Range
	// Relocated is the number of relocations that apply to the section.
	Relocated int32
	// LinkOrder is the section that this one lives and dies with
	// (SHF_LINK_ORDER), or -1.
	LinkOrder int32
	Kind      Kind
	// Retain keeps the section even when nothing refers to it (SHF_GNU_RETAIN,
	// N_NO_DEAD_STRIP, S_ATTR_NO_DEAD_STRIP).
	Retain bool
	// LiveSupport keeps the section when something that it refers to is kept
	// (S_ATTR_LIVE_SUPPORT).
	LiveSupport bool
	// Continued is set if the section before it in Object.Sections lies directly
	// before it in the file, and debug data may treat both as one: for all atoms
	// of a section of Mach-O but the first.
	Continued bool
	// Mergeable is a constant whose address does not matter: those with the
	// same bytes may be one.
	Mergeable bool
}

// Range is the bytes of a section from Start up to End.
type Range struct{ Start, End uint64 }

// Bind is how a symbol takes part in resolution.
type Bind uint8

const (
	Local Bind = iota
	Global
	Weak
)

// Type is what a symbol names.
type Type uint8

const (
	NoType Type = iota
	DataObject
	Func
	SectionSym
	FileSym
	ThreadLocal
	IndirectFunc
	Mapping // says whether instructions ($x) or data ($d) follow, and names nothing
)

// Special values of Symbol.Section.
const (
	Undefined int32 = -1
	Absolute  int32 = -2 // Value is not an address in a section
	Common    int32 = -3 // Value is the alignment, Size the size of a tentative definition
)

// Symbol names an offset in a section.
type Symbol struct {
	Name    string // as in C: without the underscore of Mach-O
	Value   uint64 // offset in the section
	Size    uint64 // in bytes; 0 if unknown
	Section int32  // index into Object.Sections, or Undefined, Absolute, Common
	Bind    Bind
	Type    Type
	Hidden  bool // not visible outside the linked object
}

// Defined reports whether s has a definition in its object.
func (s *Symbol) Defined() bool { return s.Section != Undefined }

// Reloc is one relocation.
type Reloc struct {
	Off    uint64 // of the field, in the section
	Kind   reloc.Kind
	Type   uint16 // the number in the file; 0 in a Reloc that was made from its Kind
	Symbol int32  // index into Object.Symbols
	Addend int64
}

// Group is a COMDAT group. A section belongs to one group at most.
type Group struct {
	Signature string
	Sections  []int32
}

// FormatError reports input that is not a well-formed object.
type FormatError struct {
	Off int64 // in the object; -1 if there is no single place
	Msg string
}

func (e *FormatError) Error() string {
	if e.Off < 0 {
		return e.Msg
	}
	return fmt.Sprintf("%s at offset %#x", e.Msg, e.Off)
}
