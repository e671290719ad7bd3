package archive

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	blakesmith "github.com/blakesmith/ar"
)

// Go archives of short names, and nothing else that we write, can be read by
// github.com/blakesmith/ar: it has no notion of tables, and panics at their mode.
func TestMarshalBlakesmithReads(t *testing.T) {
	members := []Input{
		{Name: "__.PKGDEF", Data: []byte("export data")}, {Name: "_go_.o", Data: []byte("object")}, {Name: "exactly_sixteen_", Data: []byte("odd")},
	}
	data, err := Marshal(Go, members)
	if err != nil {
		t.Fatal(err)
	}
	r := blakesmith.NewReader(bytes.NewReader(data))
	for _, m := range members {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || h.Name != m.Name || !bytes.Equal(got, m.Data) || h.ModTime.Unix() != 0 || h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%+v, %q, %v; want %s, %q", h, got, err, m.Name, m.Data)
		}
	}
	if h, err := r.Next(); err != io.EOF {
		t.Errorf("after the last member: %+v, %v", h, err)
	}

	for name, format := range map[string]Format{"GNU": GNU, "Darwin": Darwin} {
		data, err := Marshal(format, []Input{{Name: "a.o", Data: []byte("ab"), Symbols: []string{"f"}}})
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: reads a symbol index now: docs/RATIONALE.md needs a change", name)
				}
			}()
			blakesmith.NewReader(bytes.NewReader(data)).Next()
		}()
	}
}

// What github.com/blakesmith/ar cannot write. See docs/RATIONALE.md.
func TestMarshalBlakesmithWrites(t *testing.T) {
	write := func(name string, parts ...string) []byte {
		var b bytes.Buffer
		w := blakesmith.NewWriter(&b)
		size := int64(len(strings.Join(parts, "")))
		if err := w.WriteGlobalHeader(); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&blakesmith.Header{Name: name, ModTime: time.Unix(0, 0), Mode: fileMode, Size: size}); err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if _, err := io.WriteString(w, part); err != nil {
				t.Fatal(err)
			}
		}
		return b.Bytes()
	}
	for _, tt := range []struct {
		name, header string
		format       Format
		parts        []string
		same         bool // but for the mode
	}{
		{"GNU, short name", "a.o/", GNU, []string{"odd"}, true},
		{"Go, short name", "a.o", Go, []string{"even"}, true},
		{"Go: pad byte is not zero", "a.o", Go, []string{"odd"}, false},
		{"data in parts: a pad byte after each of odd size", "a.o/", GNU, []string{"odd", "odd"}, false},
		{"GNU: no name table", longName + "/", GNU, []string{"even"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := Input{Name: strings.TrimSuffix(tt.header, "/"), Data: []byte(strings.Join(tt.parts, ""))}
			want, err := Marshal(tt.format, []Input{in})
			if err != nil {
				t.Fatal(err)
			}
			got := write(tt.header, tt.parts...)
			if bytes.Equal(got, want) {
				t.Fatal("the same: docs/RATIONALE.md needs a change")
			}
			// It writes all of st_mode: the type S_IFREG, 0100000, before the permissions.
			same := bytes.Equal(bytes.Replace(got, []byte("100644  "), []byte("644     "), 1), want)
			if same != tt.same {
				t.Errorf("the same but for the mode: %v, want %v\n%q\n%q", same, tt.same, got, want)
			}
		})
	}
}
