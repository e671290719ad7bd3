package bundle

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// everything returns all that the package makes of fixed input, in any order and
// any time zone.
func everything(t testing.TB, reverse bool, zone *time.Location) []byte {
	t.Helper()
	when := time.Unix(1_700_000_000, 123456789).In(zone)
	tarFiles, moduleFiles := slices.Clone(gopathFiles()), slices.Clone(moduleFiles)
	p := provenance()
	if reverse {
		slices.Reverse(tarFiles)
		slices.Reverse(moduleFiles)
		slices.Reverse(p.Features)
		slices.Reverse(p.Targets)
		slices.Reverse(p.Files)
	}
	out, err := GOPATH(tarFiles, when)
	if err != nil {
		t.Fatal(err)
	}
	m := Module{Path: modulePath, Version: "v1.2.3", Time: when, GoMod: []byte(goMod), Files: moduleFiles}
	files, err := m.Proxy()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		out = append(out, f.Path...)
		out = append(out, f.Data...)
	}
	record, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append(out, record...)
}

func TestReproducible(t *testing.T) {
	if os.Getenv("BUNDLE_TEST_PRINT") != "" {
		fmt.Printf("sum %x\n", sha256.Sum256(everything(t, false, time.Local)))
		return
	}
	want := sha256.Sum256(everything(t, false, time.UTC))
	if got := sha256.Sum256(everything(t, false, time.UTC)); got != want {
		t.Error("not the same twice")
	}
	if got := sha256.Sum256(everything(t, true, time.FixedZone("X", 5*3600+45*60))); got != want {
		t.Error("not the same in another order and zone")
	}
	for _, env := range [][]string{
		{"TZ=Asia/Kathmandu", "LC_ALL=tr_TR.UTF-8", "LANG=tr_TR.UTF-8"},
		{"TZ=America/St_Johns", "LC_ALL=C", "GOMAXPROCS=1"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestReproducible$")
		cmd.Dir, cmd.Env = t.TempDir(), append(append(os.Environ(), "BUNDLE_TEST_PRINT=1"), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !strings.Contains(string(out), fmt.Sprintf("sum %x\n", want)) {
			t.Errorf("%s: %s, want %x", env, out, want)
		}
	}
}
