package link

import (
	"errors"
	"fmt"

	"github.com/cargo-rustgo/cargo-rustgo/internal/archive"
	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
)

// Library is a file that symbols are resolved from: an archive, whose members
// are read when they are needed, or one object, which always takes part.
type Library struct {
	Name string

	arch     string        // GOARCH of what is read from files for several; may be empty
	machO    bool          // names in the archive's symbol table are those of Mach-O
	file     *archive.File // nil for an object
	external func(name string) ([]byte, error)
	objects  []*elfmacho.Object // by member, nil until read
	index    map[string][]int32 // definitions by name where the archive has no symbol table
}

// Open reads the outline of an archive or an object. The library aliases data.
// For thin archives external returns the content of a member's file; it may be
// nil where thin archives are to be refused.
func Open(name string, data []byte, external func(name string) ([]byte, error)) (*Library, error) {
	return OpenArch(name, data, "", external)
}

// OpenArch is like Open for files that may hold code for several architectures,
// and archives of such: only what is for arch, a GOARCH, is read. Open refuses
// them, unless they are for one architecture after all.
func OpenArch(name string, data []byte, arch string, external func(name string) ([]byte, error)) (*Library, error) {
	l := &Library{Name: name, arch: arch, external: external}
	data, err := elfmacho.Slice(data, arch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !archive.IsArchive(data) {
		o, err := elfmacho.Parse(name, data)
		if err != nil {
			return nil, err
		}
		l.objects = []*elfmacho.Object{o}
		return l, nil
	}
	f, err := archive.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(f.Members) == 0 {
		return nil, fmt.Errorf("%s: the archive has no members", name)
	}
	l.file = f
	l.objects = make([]*elfmacho.Object, len(f.Members))
	if !f.HasSymbols() {
		return l, l.scan()
	}
	l.machO = l.holdsMachO()
	return l, nil
}

// holdsMachO reports whether the first object of the archive is one of Mach-O.
// What cannot be read is reported when it is needed.
func (l *Library) holdsMachO() bool {
	for i := range l.objects {
		if data, err := l.data(i); err == nil && elfmacho.IsObject(data) {
			return elfmacho.IsMachO(data)
		}
	}
	return false
}

// Len returns the number of members; 1 for an object.
func (l *Library) Len() int { return len(l.objects) }

// MemberName returns the name of a member as the archive spells it.
func (l *Library) MemberName(i int) string {
	if l.file == nil {
		return l.Name
	}
	return l.file.Members[i].Name
}

// Object parses a member, once.
func (l *Library) Object(i int) (*elfmacho.Object, error) {
	if l.objects[i] != nil {
		return l.objects[i], nil
	}
	data, err := l.data(i)
	if err != nil {
		return nil, err
	}
	o, err := elfmacho.Parse(l.member(i), data)
	if err != nil {
		return nil, err
	}
	l.objects[i] = o
	return o, nil
}

func (l *Library) member(i int) string {
	return fmt.Sprintf("%s(%s)", l.Name, l.file.Members[i].Name)
}

func (l *Library) data(i int) ([]byte, error) {
	data, err := MemberData(l.file, i, l.external)
	if err == nil {
		data, err = elfmacho.Slice(data, l.arch)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.member(i), err)
	}
	return data, nil
}

// MemberData returns the content of a member. For a thin archive external
// returns the content of a file that the archive names; it may be nil where thin
// archives are to be refused.
func MemberData(f *archive.File, i int, external func(name string) ([]byte, error)) ([]byte, error) {
	m := &f.Members[i]
	if !m.External {
		return f.Data(i), nil
	}
	if external == nil {
		return nil, errors.New("a thin archive, whose members are elsewhere, cannot be used here")
	}
	data, err := external(m.Name)
	if err != nil {
		return nil, fmt.Errorf("the member of a thin archive cannot be read: %w", err)
	}
	if m.Nested == 0 {
		return data, nil
	}
	inner, err := archive.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("the archive in a thin archive: %w", err)
	}
	j, ok := inner.MemberAt(m.Nested)
	if !ok || inner.Members[j].External {
		return nil, fmt.Errorf("the archive in a thin archive has no member at offset %#x", m.Nested)
	}
	return inner.Data(int(j)), nil
}

// scan indexes the definitions of an archive without a usable symbol table.
// Members that are no objects (metadata, documents) are passed over.
func (l *Library) scan() error {
	l.index = map[string][]int32{}
	for i := range l.objects {
		data, err := l.data(i)
		if err != nil {
			return err
		}
		if !elfmacho.IsObject(data) {
			continue
		}
		o, err := l.Object(i)
		if err != nil {
			return err
		}
		for j := range o.Symbols {
			if s := &o.Symbols[j]; s.Bind != elfmacho.Local && s.Defined() {
				l.index[s.Name] = append(l.index[s.Name], int32(i))
			}
		}
	}
	return nil
}

// Defines returns the members that define a global symbol. It is empty for an
// object.
func (l *Library) Defines(symbol string) []int32 {
	switch {
	case l.file == nil:
		return nil // an object is always loaded
	case l.index != nil:
		return l.index[symbol]
	case l.machO:
		symbol = elfmacho.MachOName(symbol)
	}
	return l.file.Defines(symbol)
}

// Names returns the global symbols that the library defines, unsorted.
func (l *Library) Names() []string {
	var list []string
	l.names(func(name string) { list = append(list, name) })
	return list
}

// names calls f for the name of every global symbol that the library defines.
func (l *Library) names(f func(string)) {
	switch {
	case l.file == nil:
		for i := range l.objects[0].Symbols {
			if s := &l.objects[0].Symbols[i]; s.Bind != elfmacho.Local && s.Defined() {
				f(s.Name)
			}
		}
	case l.index != nil:
		for name := range l.index {
			f(name)
		}
	default:
		for name := range l.file.All() {
			if l.machO {
				name = elfmacho.CName(name)
			}
			f(name)
		}
	}
}

// IsBitcode reports whether err says that a member holds LLVM bitcode.
func IsBitcode(err error) bool { return errors.Is(err, elfmacho.ErrBitcode) }
