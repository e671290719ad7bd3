package main

import (
	"os"
	"strings"
	"testing"
)

func TestStripSubcommand(t *testing.T) {
	for args, want := range map[string]string{
		"rustgo build":  "build",
		"build":         "build",
		"rustgo rustgo": "rustgo",
		"rustgo --help": "--help",
		"":              "",
		"build rustgo":  "build rustgo",
	} {
		if got := strings.Join(stripSubcommand(strings.Fields(args)), " "); got != want {
			t.Errorf("%q: got %q, want %q", args, got, want)
		}
	}
}

func TestArrange(t *testing.T) {
	tests := []struct {
		args, want string
		err, hint  string
	}{
		{args: "", want: ""},
		{args: "--help", want: "--help"},
		{args: "-h", want: "--help"},
		{args: "help", want: "--help"},
		{args: "help build", want: "build --help"},
		{args: "help archive list", want: "archive list --help"},
		{args: "help biuld", err: "no such command: `biuld`"},
		{args: "-V", want: "--version"},
		{args: "build", want: "build --"},
		{args: "b -r", want: "build --release --"},
		{args: "build --out x --target=a,b", want: "build --out=x --target=a,b --"},
		{args: "-q --color never build", want: "build --quiet --color=never --"},
		{args: "build -vvj4 -Fa,b -F c -Zx", want: "build --verbose --verbose --jobs=4 --features=a,b --features=c --Z=x --"},
		{args: "build -j=4", want: "build --jobs=4 --"},
		{args: "build -p a -- -C x --out y", want: "build --package=a -- -- -C x --out y"},
		{args: "build --out --", err: "--out needs a value"},
		{args: "build --out", err: "--out needs a value"},
		{args: "build --out=", want: "build --out= --"},
		{args: "build --out a --out b", err: "--out is given twice"},
		{args: "build --locked=yes", err: "--locked takes no value"},
		{args: "build --help --nonsense", err: "no such option: --nonsense"},
		{args: "build -x", err: "no such option: -x"},
		{args: "build --profil x", err: "no such option: --profil", hint: "did you mean `--profile`?"},
		{args: "build -package x", want: "build --package=ackage -- x"},
		{args: "--color never", want: "", err: "no such option: --color"},
		{args: "strip a.o --export f -o out b.o --keep-globals", want: "strip --export=f --output=out --keep-globals -- a.o b.o"},
		{args: "strip -- -a.o", want: "strip -- -- -a.o"},
		{args: "strip -", want: "strip -- -"},
		{args: "archive list x.a", want: "archive list -- x.a"},
		{args: "archive --help", want: "archive --help"},
		{args: "archive lst", err: "no such command: `archive lst`", hint: "did you mean `list`?"},
		{args: "archive list --help", want: "archive list --help"},
		{args: "bulid", err: "no such command: `bulid`", hint: "did you mean `build`?"},
		{args: "qqqqqqqq", err: "no such command", hint: "the commands are: new, build"},
		{args: "new x --go-modul y", err: "no such option: --go-modul", hint: "did you mean `--go-module`?"},
	}
	app := newApp(newUI(os.Stdout, os.Stderr))
	for _, tt := range tests {
		got, err := arrange(app, strings.Fields(tt.args))
		if tt.err != "" {
			usage, ok := err.(*usageError)
			if !ok || !strings.Contains(usage.msg, tt.err) || !strings.Contains(usage.hint, tt.hint) {
				t.Errorf("%q: got %+v", tt.args, err)
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.args, got, err, tt.want)
		}
	}
}

func TestUseColor(t *testing.T) {
	for _, tt := range []struct {
		flag, cargo, no, term string
		terminal, want        bool
	}{
		{terminal: true, want: true},
		{terminal: false, want: false},
		{no: "1", terminal: true, want: false},
		{no: "1", cargo: "always", want: true},
		{no: "1", flag: "always", want: true},
		{flag: "never", cargo: "always", terminal: true, want: false},
		{cargo: "never", terminal: true, want: false},
		{flag: "auto", cargo: "auto", terminal: true, want: true},
		{term: "dumb", terminal: true, want: false},
	} {
		env := map[string]string{"CARGO_TERM_COLOR": tt.cargo, "NO_COLOR": tt.no, "TERM": tt.term}
		if got := useColor(tt.flag, func(key string) string { return env[key] }, tt.terminal); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
}

func TestGoPackage(t *testing.T) {
	for crate, want := range map[string]string{
		"fastinc": "fastinc", "fast-inc": "fastinc", "Fast_Inc2": "fastinc2", "go": "gors", "main": "mainrs", "string": "string",
	} {
		if got := goPackage(crate); got != want {
			t.Errorf("goPackage(%q) = %q, want %q", crate, got, want)
		}
		if why := badCrateName(crate); why != "" {
			t.Errorf("%q: %s", crate, why)
		}
	}
	for _, crate := range []string{"", "2x", "a.b", "a b", "fn", "rustgo", "core", "-x", "..", "_"} {
		if badCrateName(crate) == "" {
			t.Errorf("%q is taken as the name of a crate", crate)
		}
	}
}
