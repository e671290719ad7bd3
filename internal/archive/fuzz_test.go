package archive

import (
	"errors"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, tt := range dialects {
		f.Add(tt.in.b)
	}
	for _, in := range threeSymbols() {
		f.Add(in.b)
	}
	for _, tt := range badInput {
		f.Add(tt.in)
	}
	// An offset of -1 was once found to be that of member -1.
	f.Add(newArchive().member("/SYM64/", gnuTable(8, []string{"foo"}, -1)).twoMembers().b)
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			var fe *FormatError
			if !errors.As(err, &fe) || fe.Off < 0 || fe.Off > int64(len(data)) {
				t.Errorf("%#v for %d bytes", err, len(data))
			}
			if file != nil {
				t.Error("a file and an error")
			}
			return
		}
		if !IsArchive(data) {
			t.Error("IsArchive = false")
		}
		check(t, data, file)
	})
}
