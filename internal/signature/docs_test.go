package signature

import (
	"strings"
	"testing"
)

func TestDocs(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"lines", "/// One `two` [`three`].\n///\n///  indented\npub extern \"C\" fn f() {}", "One two three.\n\nindented"},
		{"attributes between", "/// One.\n#[unsafe(no_mangle)]\n\n// plain\n#[cfg_attr(\n    all(unix),\n    inline\n)]\n/// Two.\n#[allow(x)] pub extern \"C\" fn f() {}", "One.\nTwo."},
		{"attribute", "#[doc = \" One \\\"x\\\".\"]\n#[doc(hidden)]\n#[doc = r\"Two.\"]\nfn f() {}", "One \"x\".\nTwo."},
		{"block", "/** One.\n *\n * Two.\n */\nfn f() {}", "One.\n\nTwo."},
		{"plain block", "/**\n    One.\n      Two.\n*/\nfn f() {}", "One.\nTwo."},
		{"heading", "/// One.\n/// # Safety\n/// Two.\n/// ## Panics\nfn f() {}", "One.\n\n# Safety\n\nTwo.\n\n# Panics"},
		{"code", "/// One:\n/// ```\n/// # hidden();\n/// let x = [1];\n///\n///     y();\n/// ```\n/// Two.\nfn f() {}", "One:\n\n\tlet x = [1];\n\n\t    y();\n\nTwo."},
		{"lists", "/// - a `b`\n///   c\n/// 1. d\n///\n/// e\nfn f() {}", "  - a b\n    c\n 1. d\n\ne"},
		{"links", "/// [`a`](b::c), [`d`][e], [f](https://g.h/i), [j](k) and **l**.\n///\n/// [e]: f\nfn f() {}", "a, d, f (https://g.h/i), j and l."},
		{"item before", "/// Not this.\nfn g() {}\nfn f() {}", ""},
		{"other on the line", "/// Not this.\nfn g() {} /// This.\nfn f() {}", "This."},
		{"four slashes", "//// Not this.\n/// This.\nfn f() {}", "This."},
		{"carriage returns", "/// One.\r\n/// Two.\r\nfn f() {}", "One.\nTwo."},
	}
	for _, test := range tests {
		line := 1 + strings.Count(test.source[:strings.LastIndex(test.source, "fn f")], "\n")
		got := strings.Join(Docs(NewSource([]byte(test.source)), line, "f"), "\n")
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCrateDocs(t *testing.T) {
	tests := []struct{ source, want string }{
		{"// License.\n\n//! One.\n#![no_std]\n//! Two.\n#![doc = \"Three.\"]\n\nuse x;\n//! Not this.\n", "One.\nTwo.\nThree."},
		{"/*! One.\n * Two.\n */\n/// Not this.\nfn f() {}", "One.\nTwo."},
		{"fn f() {}", ""},
		{"#![", ""},
	}
	for _, test := range tests {
		if got := strings.Join(CrateDocs(NewSource([]byte(test.source))), "\n"); got != test.want {
			t.Errorf("%q: got %q, want %q", test.source, got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	for symbol, want := range map[string]string{
		"scalar_base_mult": "ScalarBaseMult", "get_url_id": "GetURLID", "sha256": "SHA256", "x25519": "X25519",
		"aes_gcm_seal": "AESGCMSeal", "AES_encrypt": "AESEncrypt", "camelCase": "CamelCase", "_lead": "Lead",
		"v1_2": "V1_2", "mul2_3": "Mul2_3", "1x": "X1x", "renamed.x": "RenamedX", "界": "X界", "__": "X", "json_to_http": "JSONToHTTP",
	} {
		if got := GoName(symbol); got != want {
			t.Errorf("GoName(%q) = %q, want %q", symbol, got, want)
		}
	}
	for name, want := range map[string]string{
		"": "", "_": "", "_x": "x", "msg_len": "msgLen", "base_url": "baseURL", "url_base": "urlBase", "ID": "id",
		"type": "typ", "range": "rng", "goto": "goto_", "len": "len", "uint32": "uint32_", "r": "r", "self": "self", "X": "x",
	} {
		if got := GoParam(name); got != want {
			t.Errorf("GoParam(%q) = %q, want %q", name, got, want)
		}
	}
	got := strings.Join(GoParams([]Param{{Name: "_x"}, {Name: "x"}, {}, {Name: "p2"}, {Name: "X"}}), " ")
	if want := "x x2 p2 p22 x3"; got != want {
		t.Errorf("GoParams: got %s, want %s", got, want)
	}
	if _, err := UniqueNames([]string{"a_b", "a_c", "aB"}); err == nil || !strings.Contains(err.Error(), "aB, a_b would all be AB") {
		t.Errorf("UniqueNames: %v", err)
	}
	if names, err := UniqueNames([]string{"a", "b", "a"}); err != nil || names["a"] != "A" {
		t.Errorf("UniqueNames: %v, %v", names, err)
	}
}
