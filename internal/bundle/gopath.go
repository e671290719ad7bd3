package bundle

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// blockSize is the unit of a tar file, in bytes. Two blocks of zeros end it
// (POSIX.1-2017, pax, ustar Interchange Format).
const blockSize = 512

// gopathRoots are the directories of a GOPATH that packages are in: sources, and
// what is compiled. There is also bin.
var gopathRoots = []string{"src", "pkg"}

// GOPATH returns files as a .tar.gz to be unpacked in a GOPATH. All of them are
// in src/ or pkg/. Every entry has the time t, in seconds, and 1970-01-01 UTC if t
// is zero. There are entries for directories too, each before what is in it.
func GOPATH(files []File, t time.Time) ([]byte, error) {
	files, err := sorted(files)
	if err != nil {
		return nil, err
	}
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	if t.Unix() < 0 {
		return nil, fmt.Errorf("time %s is before 1970", t.UTC().Format(time.RFC3339))
	}
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	tw := tar.NewWriter(zw)
	for _, m := range withDirectories(files) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: m.Path, Size: int64(len(m.Data)), Mode: 0o644, ModTime: t.Truncate(time.Second)}
		if strings.HasSuffix(m.Path, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		} else if !inGOPATH(m.Path, false) {
			return nil, fmt.Errorf("%q: not in src/ or pkg/", m.Path)
		}
		// The writer takes USTAR where the header fits, and PAX elsewhere.
		if err := tw.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("%q: %w", m.Path, err)
		}
		if _, err := tw.Write(m.Data); err != nil {
			return nil, fmt.Errorf("%q: %w", m.Path, err)
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// withDirectories adds the directories, whose paths end in a slash.
func withDirectories(files []File) []File {
	dirs := make(map[string]bool)
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "." && !dirs[dir]; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	all := slices.Clone(files)
	for dir := range dirs {
		all = append(all, File{Path: dir + "/"})
	}
	slices.SortFunc(all, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

func inGOPATH(name string, dir bool) bool {
	return slices.ContainsFunc(gopathRoots, func(root string) bool {
		return strings.HasPrefix(name, root+"/") || dir && name == root
	})
}

// ReadGOPATH returns the files of a .tar.gz, sorted by path. It reads what GOPATH
// writes, and what GNU tar packs as that, but trusts neither: all but files and
// directories in src/ and pkg/ is an error, and so are paths that File's rules do
// not allow, sparse files, a tar file of more than limit bytes, and anything
// missing or left at the end. It needs memory in proportion to limit and to data.
func ReadGOPATH(data []byte, limit int64) ([]File, error) {
	in := bytes.NewReader(data)
	zr, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("gzip header: %w", truncated(err))
	}
	zr.Multistream(false)
	s := &stream{r: zr, limit: limit}
	files, err := readTar(s)
	if err != nil {
		return nil, err
	}
	if err := s.zeros(); err != nil {
		return nil, err
	}
	if in.Len() > 0 {
		return nil, fmt.Errorf("%d bytes after the end of the gzip file", in.Len())
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

// readTar reads entries up to the blocks that end a tar file.
func readTar(s *stream) ([]File, error) {
	var (
		files   []File
		entries []entry
		size    int64 // of the last file, in bytes
	)
	tr := tar.NewReader(s)
	for {
		end := s.read + -size&(blockSize-1)
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			// The reader is content with less than two blocks, and with a PAX
			// header that nothing follows.
			if s.read != end+2*blockSize {
				return nil, fmt.Errorf("tar file: no end after %d entries: %w", len(entries), io.ErrUnexpectedEOF)
			}
			break
		}
		if err != nil {
			return nil, fmt.Errorf("tar file: after %d entries: %w", len(entries), truncated(err))
		}
		e, err := tarEntry(h)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
		size = h.Size
		if e.dir {
			continue
		}
		// The contents are in the stream in full, since the file is not sparse.
		if size > s.limit-s.read {
			return nil, fmt.Errorf("%q: %d bytes: %w", h.Name, size, s.tooLarge())
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(tr, data); err != nil {
			return nil, fmt.Errorf("%q: %w", h.Name, truncated(err))
		}
		files = append(files, File{e.path, data})
	}
	return files, checkEntries(entries)
}

// tarEntry checks a header but for what it has in common with others.
func tarEntry(h *tar.Header) (entry, error) {
	e := entry{h.Name, h.Typeflag == tar.TypeDir}
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
		e.path = strings.TrimSuffix(e.path, "/")
		// Whether contents follow is for each reader to say.
		if h.Size != 0 {
			return e, fmt.Errorf("%q: a directory of %d bytes", h.Name, h.Size)
		}
	case tar.TypeLink, tar.TypeSymlink:
		return e, fmt.Errorf("%q: a link to %q", h.Name, h.Linkname)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return e, fmt.Errorf("%q: a device", h.Name)
	default:
		return e, fmt.Errorf("%q: neither a file nor a directory, but type %q", h.Name, h.Typeflag)
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return e, fmt.Errorf("%q: a sparse file", h.Name)
		}
	}
	if err := checkPath(e.path); err != nil {
		return e, err
	}
	if !inGOPATH(e.path, e.dir) {
		return e, fmt.Errorf("%q: not in src/ or pkg/", h.Name)
	}
	return e, nil
}

// stream counts what is read, and reads no more than a limit.
type stream struct {
	r           io.Reader
	read, limit int64 // bytes
}

func (s *stream) tooLarge() error {
	return fmt.Errorf("the tar file has more than %d bytes", s.limit)
}

func (s *stream) Read(p []byte) (int, error) {
	// One byte more than the limit tells the end from what goes on.
	if left := max(s.limit-s.read, 0) + 1; int64(len(p)) > left {
		p = p[:left]
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	if s.read > s.limit {
		return 0, s.tooLarge()
	}
	return n, err
}

// zeros reads the rest, in which GNU tar has zeros up to a multiple of 10240 bytes.
func (s *stream) zeros() error {
	var b [blockSize]byte
	for {
		n, err := s.Read(b[:])
		if slices.ContainsFunc(b[:n], func(c byte) bool { return c != 0 }) {
			return errors.New("data after the end of the tar file")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after the end of the tar file: %w", truncated(err))
		}
	}
}

// truncated says of an end that it was not expected.
func truncated(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
