package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// gopathFiles have names that fit into USTAR in one field and in two, and that
// need PAX: too long, or not ASCII.
func gopathFiles() []File {
	return []File{
		text("src/example.com/curve/curve.go", "package curve\n"),
		text("src/example.com/curve/curve_linux_amd64.s", "TEXT ·F(SB), 4, $0-0\n\tRET\n"),
		text("src/example.com/curve/empty", ""),
		text("src/example.com/curve-fast/x.go", "package fast\n"),
		text("src/"+strings.Repeat("long/", 30)+"two-fields.go", "package long\n"),
		text("src/"+strings.Repeat("longer/", 60)+"pax.go", "package longer\n"),
		text("src/example.com/"+strings.Repeat("n", 150)+"/pax.go", "package n\n"),
		text("src/example.com/größe/größe.go", "package größe\n"),
		{"pkg/linux_amd64/example.com/curve.a", bytes.Repeat([]byte("\x00!<arch>\n"), 1000)},
	}
}

func TestGOPATH(t *testing.T) {
	want, err := sorted(gopathFiles())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		time time.Time
		unix int64
	}{
		{name: "no time"},
		{name: "epoch", time: time.Unix(0, 0)},
		{name: "a time", time: time.Unix(1_700_000_000, 999_999_999), unix: 1_700_000_000},
		{name: "too late for USTAR", time: time.Unix(1<<33, 0), unix: 1 << 33},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := GOPATH(gopathFiles(), tt.time)
			if err != nil {
				t.Fatal(err)
			}
			// Magic, deflate, no flags, no time, the slowest method, and no
			// operating system (RFC 1952, section 2.3).
			if head := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255}; !bytes.Equal(data[:10], head) {
				t.Errorf("gzip header % x, want % x", data[:10], head)
			}
			got, err := ReadGOPATH(data, MaxSize)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, want)

			zr, err := gzip.NewReader(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			var order []string
			for tr := tar.NewReader(zr); ; {
				h, err := tr.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				order = append(order, h.Name)
				mode := int64(0o644)
				if strings.HasSuffix(h.Name, "/") {
					mode = 0o755
				}
				if h.Mode != mode || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || h.ModTime.Unix() != tt.unix {
					t.Errorf("%+v", h)
				}
				format := tar.FormatUSTAR
				if !fitsUSTAR(h.Name) || tt.unix == 1<<33 {
					format = tar.FormatPAX
				}
				if h.Format != format {
					t.Errorf("%s: %s, want %s", h.Name, h.Format, format)
				}
			}
			if !slices.IsSorted(order) {
				t.Errorf("not sorted: %q", order)
			}
			for _, f := range want {
				for dir, _ := filepath.Split(f.Path); dir != ""; dir, _ = filepath.Split(strings.TrimSuffix(dir, "/")) {
					if at := slices.Index(order, dir); at < 0 || at > slices.Index(order, f.Path) {
						t.Errorf("%s: no %s before it", f.Path, dir)
					}
				}
			}
		})
	}
}

// fitsUSTAR reports whether a name is ASCII of up to 100 bytes, or a prefix of up
// to 155 bytes, a slash, and a name of up to 100 (POSIX.1-2017, pax, ustar
// Interchange Format).
func fitsUSTAR(name string) bool {
	if strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }) {
		return false
	}
	fits := len(name) <= 100
	for i := 1; i < len(name)-1; i++ {
		fits = fits || name[i] == '/' && i <= 155 && len(name)-i-1 <= 100
	}
	return fits
}

func TestGOPATHBadInput(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []File
		time  time.Time
		want  string
	}{
		{name: "outside", files: []File{text("bin/x", "")}, want: `"bin/x": not in src/ or pkg/`},
		{name: "file src", files: []File{text("src", "")}, want: `"src": not in`},
		{name: "srcs", files: []File{text("srcs/x", "")}, want: "not in"},
		{name: "parent", files: []File{text("src/../x", "")}, want: `".."`},
		{name: "twice", files: []File{text("src/x", ""), text("src/x", "")}, want: "twice"},
		{name: "before 1970", files: []File{text("src/x", "")}, time: time.Unix(-1, 0), want: "before 1970"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := GOPATH(tt.files, tt.time)
			wantError(t, err, tt.want)
		})
	}
}

func TestGOPATHGNUTar(t *testing.T) {
	command := gnuTar(t)
	want, err := sorted(gopathFiles())
	if err != nil {
		t.Fatal(err)
	}
	data, err := GOPATH(want, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, File{"x.tar.gz", data})
	env := []string{"LC_ALL=C.UTF-8", "TZ=UTC"}
	listing := run(t, dir, env, command, "-tvzf", "x.tar.gz", "--quoting-style=literal", "--full-time")
	var listed int
	for _, line := range strings.Split(strings.TrimSpace(string(listing)), "\n") {
		listed++
		// Mode, ids, size, date, time, name.
		if f := strings.Fields(line); f[1] != "0/0" || f[3] != "1970-01-01" || f[4] != "00:00:00" ||
			f[0] != "-rw-r--r--" && f[0] != "drwxr-xr-x" {
			t.Error(line)
		}
	}
	if n := len(withDirectories(want)); listed != n {
		t.Errorf("%d entries, want %d", listed, n)
	}
	run(t, dir, env, command, "-xzf", "x.tar.gz", "-C", dir)
	got, err := Tree(os.DirFS(dir), []string{"x.tar.gz"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)

	// The other way: what GNU tar packs is read.
	for _, format := range []string{"gnu", "posix", "ustar"} {
		files := want
		if format == "ustar" {
			files = want[:1]
		}
		names := []string{"-czf", format + ".tgz", "--format=" + format}
		for _, f := range files {
			names = append(names, f.Path)
		}
		run(t, dir, env, command, names...)
		data, err := os.ReadFile(filepath.Join(dir, format+".tgz"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadGOPATH(data, MaxSize)
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		same(t, got, files)
	}
}

// A GOPATH tarball is unpacked and used in GOPATH mode.
func TestGOPATHBuilds(t *testing.T) {
	command := tool(t, "go")
	data, err := GOPATH([]File{
		text("src/example.com/answer/answer.go", "package answer\n\nfunc Answer() string { return \"42\" }\n"),
		text("src/example.com/print/main.go", "package main\n\nimport (\"os\"; \"example.com/answer\")\n\nfunc main() { os.Stdout.WriteString(answer.Answer()) }\n"),
	}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, File{"x.tar.gz", data})
	run(t, dir, nil, gnuTar(t), "-xzf", "x.tar.gz")
	env := []string{"GO111MODULE=off", "GOPATH=" + dir, "GOFLAGS=", "GOWORK=off", "GOENV=off"}
	run(t, dir, env, command, "build", "-o", filepath.Join(dir, "print"), "example.com/print")
	if out := run(t, dir, nil, filepath.Join(dir, "print")); string(out) != "42" {
		t.Errorf("%q", out)
	}
}

// tarball is a .tar.gz made of headers with contents.
func tarball(entries ...tarItem) []byte { return compress(plainTar(entries...)) }

type tarItem struct {
	tar.Header
	data string
}

func regular(name, data string) tarItem {
	return tarItem{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, data}
}

func special(kind byte, name, link string) tarItem {
	return tarItem{Header: tar.Header{Typeflag: kind, Name: name, Linkname: link}}
}

func plainTar(items ...tarItem) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, item := range items {
		h := item.Header
		h.Size = int64(len(item.data))
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(item.data)); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func compress(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// patched returns a tar file with bytes of its first header replaced and the
// checksum made right (POSIX.1-2017, pax, ustar Interchange Format).
func patched(data []byte, off int, field string) []byte {
	data = bytes.Clone(data)
	copy(data[off:], field)
	copy(data[148:156], "        ")
	sum := 0
	for _, c := range data[:blockSize] {
		sum += int(c)
	}
	digits := []byte("000000\x00 ")
	for i := 5; i >= 0; i, sum = i-1, sum>>3 {
		digits[i] = '0' + byte(sum&7)
	}
	copy(data[148:156], digits)
	return data
}

const typeflagOff, sizeOff = 156, 124 // in a header, in bytes

// badTarballs is input that ReadGOPATH refuses with a limit of 1 MiB.
func badTarballs() []struct {
	name string
	in   []byte
	want string
} {
	good := tarball(regular("src/a", "one"), regular("src/b", "two"))
	plain := plainTar(regular("src/a", "one"))
	paxOnly := plainTar(tarItem{tar.Header{Typeflag: tar.TypeReg, Name: "src/" + strings.Repeat("é", 300)}, ""})
	corrupt := bytes.Clone(good)
	corrupt[len(corrupt)-8] ^= 1
	return []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "gzip header: unexpected EOF"},
		{"not gzip", []byte("PK\x03\x04 this is a zip file"), "gzip header"},
		{"not tar", compress(bytes.Repeat([]byte("x"), 2000)), "invalid tar header"},
		{"nothing in gzip", compress(nil), "no end after 0 entries"},
		{"parent", tarball(regular("src/../../etc/passwd", "")), `"src/../../etc/passwd": path with an element ".."`},
		{"parent at the start", tarball(regular("../x", "")), `".."`},
		{"parent directory", tarball(special(tar.TypeDir, "src/../", "")), `".."`},
		{"absolute", tarball(regular("/src/x", "")), "absolute path"},
		{"not clean", tarball(regular("./src/x", "")), "not clean"},
		{"file with a slash", compress(patched(plain, 0, "src/x/")), "not clean"},
		{"backslash", tarball(regular(`src/..\x`, "")), "backslash"},
		{"control character", tarball(regular("src/\x1b[2J", "")), "control character"},
		{"not UTF-8", compress(patched(plain, 0, "src/\xff")), "not UTF-8"},
		{"outside", tarball(regular("bin/x", "")), `"bin/x": not in src/ or pkg/`},
		{"directory outside", tarball(special(tar.TypeDir, "bin/", "")), "not in src/ or pkg/"},
		{"file called src", tarball(regular("src", "")), "not in src/ or pkg/"},
		{"symbolic link", tarball(special(tar.TypeSymlink, "src/x", "/etc")), `"src/x": a link to "/etc"`},
		{"hard link", tarball(regular("src/a", ""), special(tar.TypeLink, "src/b", "src/a")), "a link"},
		{"character device", tarball(special(tar.TypeChar, "src/x", "")), "a device"},
		{"block device", tarball(special(tar.TypeBlock, "src/x", "")), "a device"},
		{"fifo", tarball(special(tar.TypeFifo, "src/x", "")), "a device"},
		{"contiguous", compress(patched(plain, typeflagOff, "7")), "neither a file nor a directory"},
		{"unknown type", compress(patched(plain, typeflagOff, "Z")), "neither a file nor a directory"},
		{"directory with contents", compress(patched(plain, typeflagOff, "5")), "a directory of 3 bytes"},
		{"global header", tarball(tarItem{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "src/g", PAXRecords: map[string]string{"comment": "x"}}}), "type 'g'"},
		{"sparse file", compress(sparse("1048576")), "sparse"},
		{"sparse bomb", compress(sparse("9223372036854775807")), "sparse"},
		{"twice", tarball(regular("src/a", "1"), regular("src/b", ""), regular("src/a", "2")), `"src/a": twice`},
		{"directory twice", tarball(special(tar.TypeDir, "src/", ""), special(tar.TypeDir, "src/", "")), `"src": twice`},
		{"case", tarball(regular("src/a", ""), regular("src/A", "")), "but for case"},
		{"file and directory", tarball(regular("src/a", ""), regular("src/a/b", "")), "both a file and a directory"},
		{"file over the limit", tarball(regular("src/a", strings.Repeat("x", 1<<20))), "more than 1048576 bytes"},
		{"file with a size that lies", compress(patched(plain, sizeOff, "77777777777")), "more than 1048576 bytes"},
		{"file cut short", compress(patched(plain, sizeOff, "00000100000")), "unexpected EOF"},
		{"files over the limit", tarball(slices.Repeat([]tarItem{regular("src/a", strings.Repeat("x", 1<<19))}, 3)...), "more than 1048576 bytes"},
		{"headers over the limit", tarball(slices.Repeat([]tarItem{regular("src/a", "")}, 1<<11)...), "more than 1048576 bytes"},
		{"zeros over the limit", compress(append(bytes.Clone(plain), make([]byte, 1<<20)...)), "more than 1048576 bytes"},
		{"zeros of a bomb", compress(make([]byte, 1<<26)), "more than 1048576 bytes"},
		{"truncated gzip header", good[:5], "unexpected EOF"},
		{"truncated gzip", good[:len(good)/2], "unexpected EOF"},
		{"truncated checksum", good[:len(good)-1], "unexpected EOF"},
		{"wrong checksum", corrupt, "gzip: invalid checksum"},
		{"no end", compress(plain[:len(plain)-2*blockSize]), "no end after 1 entries"},
		{"half an end", compress(plain[:len(plain)-blockSize]), "no end after 1 entries"},
		{"end in the padding", compress(plain[:blockSize+3]), "no end after 1 entries"},
		{"end in contents", compress(plain[:blockSize+1]), "unexpected EOF"},
		{"end after a PAX header", compress(paxOnly[:3*blockSize]), "no end after 0 entries"},
		{"entry after the end", compress(slices.Concat(plain, plain)), "data after the end of the tar file"},
		{"garbage in the tar file", compress(append(bytes.Clone(plain), "garbage"...)), "data after the end of the tar file"},
		{"garbage after gzip", append(bytes.Clone(good), "garbage"...), "7 bytes after the end of the gzip file"},
		{"another gzip", slices.Concat(good, good), "after the end of the gzip file"},
	}
}

// sparse is a file of no contents in the GNU format 1.0 for PAX, which says that
// it has size bytes.
func sparse(size string) []byte {
	data := plainTar(tarItem{tar.Header{Typeflag: tar.TypeReg, Name: "src/x", PAXRecords: map[string]string{
		"XXX.sparse.major": "1", "XXX.sparse.minor": "0", "XXX.sparse.realsize": size, "XXX.sparse.name": "src/x",
	}}, "0\n" + strings.Repeat("\x00", blockSize-2)})
	return bytes.ReplaceAll(data, []byte("XXX.sparse"), []byte("GNU.sparse"))
}

func TestReadGOPATHBadInput(t *testing.T) {
	for _, tt := range badTarballs() {
		t.Run(tt.name, func(t *testing.T) {
			files, err := ReadGOPATH(tt.in, 1<<20)
			wantError(t, err, tt.want)
			if files != nil {
				t.Error("files and an error")
			}
		})
	}
}

func TestReadGOPATHLimit(t *testing.T) {
	data := tarball(regular("src/a", "one"))
	const size = 4 * blockSize
	if _, err := ReadGOPATH(data, size); err != nil {
		t.Error(err)
	}
	for _, limit := range []int64{-1, 0, 1, size - 1} {
		_, err := ReadGOPATH(data, limit)
		wantError(t, err, "more than")
	}
}

func FuzzReadGOPATH(f *testing.F) {
	data, err := GOPATH(gopathFiles(), time.Time{})
	if err != nil {
		f.Fatal(err)
	}
	add := func(data []byte) {
		f.Add(data, false)
		if zr, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
			if plain, err := io.ReadAll(io.LimitReader(zr, 1<<16)); err == nil {
				f.Add(plain, true)
			}
		}
	}
	add(data)
	for _, tt := range badTarballs() {
		add(tt.in)
	}
	// Mutation does not get through gzip's checksum: what is plain is compressed
	// here.
	f.Fuzz(func(t *testing.T, data []byte, plain bool) {
		const limit = 1 << 20
		if plain {
			data = compress(data)
		}
		files, err := ReadGOPATH(data, limit)
		if err != nil {
			if files != nil || errors.Is(err, io.EOF) {
				t.Errorf("%d files, %v", len(files), err)
			}
			return
		}
		total := 0
		for _, f := range files {
			total += len(f.Data)
		}
		if total > limit {
			t.Errorf("%d bytes", total)
		}
		again, err := GOPATH(files, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadGOPATH(again, MaxSize)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, files)
	})
}
