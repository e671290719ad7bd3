package image

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/cargo-rustgo/cargo-rustgo/internal/elfmacho"
	"github.com/cargo-rustgo/cargo-rustgo/internal/link"
)

// arm64Std uses std: allocation, threads, thread-local data, formatting.
const arm64Std = `
use std::{cell::Cell, collections::BTreeMap, sync::Mutex};
thread_local!(static CALLS: Cell<u64> = const { Cell::new(0) });
static TOTAL: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
#[no_mangle]
pub extern "C" fn word_count(text: *const std::ffi::c_char) -> u64 {
    let text = unsafe { std::ffi::CStr::from_ptr(text) }.to_str().unwrap().to_owned();
    std::thread::spawn(move || {
        for word in text.split_whitespace() {
            *TOTAL.lock().unwrap().entry(word.to_lowercase()).or_insert(0) += 1;
            CALLS.with(|c| c.set(c.get() + 1));
        }
        println!("{:?} {:.3}", TOTAL.lock().unwrap(), CALLS.with(|c| c.get()) as f64 / 7.0);
    }).join().unwrap();
    let sum = TOTAL.lock().unwrap().values().sum();
    sum
}
`

const arm64StdMain = `
#include <stdint.h>
#include <stdio.h>
uint64_t word_count(const char *);
int main(void) {
	printf("%llu\\n", (unsigned long long)word_count("the quick brown fox and The lazy dog"));
	fflush(stdout);
	printf("%llu\\n", (unsigned long long)word_count("and the end"));
	return 0;
}
`

// TestARM64Object links what BuildObject makes of a library with std into a C
// program, and runs it.
func TestARM64Object(t *testing.T) {
	skip := func(reason any) {
		t.Helper()
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	const gcc = "aarch64-linux-gnu-gcc"
	for _, tool := range []string{"rustc", gcc} {
		if _, err := exec.LookPath(tool); err != nil {
			skip(err)
		}
	}
	var runner []string
	if runtime.GOARCH != "arm64" {
		runner = []string{"qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"}
		if _, err := exec.LookPath(runner[0]); err != nil {
			skip(err)
		}
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for name, text := range map[string]string{"words.rs": arm64Std, "main.c": arm64StdMain} {
		if err := os.WriteFile(path(name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	compile := exec.Command("rustc", "--crate-type=staticlib", "--edition=2021", "-Copt-level=2", "-Cpanic=abort", "--target=aarch64-unknown-linux-gnu", "-o", path("libwords.a"), path("words.rs"))
	if out, err := compile.CombinedOutput(); err != nil {
		skip(fmt.Sprintf("%v\n%s", err, out))
	}
	libs := []string{"-lpthread", "-ldl", "-lm", "-lgcc_eh", "-lc"}
	run(append([]string{gcc, "-o", path("original"), path("main.c"), path("libwords.a")}, libs...)...)
	want := run(append(runner, path("original"))...)
	data, err := os.ReadFile(path("libwords.a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []bool{false, true} {
		lib, err := link.Open("libwords.a", data, nil)
		if err != nil {
			t.Fatal(err)
		}
		set, err := link.ResolveObject([]*link.Library{lib}, []string{"word_count"})
		if err != nil {
			t.Fatal(err)
		}
		o, err := BuildObject(set, keep)
		if err != nil {
			t.Fatal(err)
		}
		object, err := elfmacho.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path("out.o"), object, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, mode := range []string{"-pie", "-no-pie", "-static", "-static-pie"} {
			run(append([]string{gcc, mode, "-Wl,-z,defs", "-Wl,--fatal-warnings", "-o", path("program"), path("main.c"), path("out.o")}, libs...)...)
			if got := run(append(runner, path("program"))...); got != want {
				t.Errorf("%s, keep globals %v: got %q, want %q", mode, keep, got, want)
			}
		}
	}
}
