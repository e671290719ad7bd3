package signature

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// initialisms are the words that Go writes in one case: those of golint, and
// those of the cryptography and coding that Rust crates are wrapped for.
var initialisms = map[string]string{}

func init() {
	const words = "ACL API ASCII CPU CSS DNS EOF GUID HTML HTTP HTTPS ID IP JSON LHS QPS RAM RHS RPC SLA SMTP SQL SSH TCP TLS TTL UDP UI UID UUID URI URL UTF8 VM XML XMPP XSRF XSS " +
		"AES CBC CRC32 CRC64 CTR DER ECDH ECDSA GCM HKDF HMAC IV KDF MAC MD5 PEM PKCS RSA SHA SHA1 SHA2 SHA224 SHA256 SHA3 SHA384 SHA512 SIMD UTF UTF16"
	for _, word := range strings.Fields(words) {
		initialisms[strings.ToLower(word)] = word
	}
}

// GoName returns the exported Go name for a symbol: scalar_base_mult becomes
// ScalarBaseMult, get_url_id becomes GetURLID.
func GoName(symbol string) string {
	var b strings.Builder
	for _, word := range words(symbol) {
		b.WriteString(capitalize(word))
	}
	name := b.String()
	if first, _ := utf8.DecodeRuneInString(name); !unicode.IsUpper(first) {
		name = "X" + name // a digit, or a letter of a script without case
	}
	return name
}

// words splits a name at everything that an identifier of Go's has no use for,
// and where a digit follows an underscore keeps it: v1_2 is not v12.
func words(name string) []string {
	list := strings.FieldsFunc(name, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	for i := 1; i < len(list); i++ {
		last, _ := utf8.DecodeLastRuneInString(list[i-1])
		if first, _ := utf8.DecodeRuneInString(list[i]); unicode.IsDigit(first) && unicode.IsDigit(last) {
			list[i] = "_" + list[i]
		}
	}
	return list
}

func capitalize(word string) string {
	if whole := initialisms[strings.ToLower(word)]; whole != "" {
		return whole
	}
	first, size := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(first)) + word[size:]
}

// UniqueNames returns the Go name of each symbol, or an error that names all
// symbols that share one.
func UniqueNames(symbols []string) (map[string]string, error) {
	names := map[string]string{}
	bySymbol := map[string][]string{}
	for _, symbol := range symbols {
		if names[symbol] == "" {
			names[symbol] = GoName(symbol)
			bySymbol[names[symbol]] = append(bySymbol[names[symbol]], symbol)
		}
	}
	var clashes []string
	for name, list := range bySymbol {
		if len(list) > 1 {
			sort.Strings(list)
			clashes = append(clashes, fmt.Sprintf("%s would all be %s in Go", strings.Join(list, ", "), name))
		}
	}
	if len(clashes) > 0 {
		sort.Strings(clashes)
		return nil, fmt.Errorf("%s; rename them, or choose their Go names", strings.Join(clashes, "; "))
	}
	return names, nil
}

// avoided are the names that a parameter must not have: the keywords, the predeclared
// names that a signature may need, and call, the last parameter of functions that
// call Go. Shadowing len and its like harms
// nobody, as the declarations have no body.
var avoided = map[string]string{
	"break": "", "case": "", "chan": "", "const": "", "continue": "", "default": "def", "defer": "",
	"else": "", "fallthrough": "", "for": "", "func": "fn", "go": "", "goto": "", "if": "",
	"import": "", "interface": "iface", "map": "", "package": "pkg", "range": "rng", "return": "ret",
	"select": "sel", "struct": "", "switch": "", "type": "typ", "var": "",
	"any": "", "bool": "", "byte": "", "comparable": "", "complex64": "", "complex128": "",
	"error": "err", "float32": "", "float64": "", "int": "", "int8": "", "int16": "", "int32": "",
	"int64": "", "rune": "", "string": "str", "uint": "", "uint8": "", "uint16": "", "uint32": "",
	"uint64": "", "uintptr": "", "true": "", "false": "", "nil": "", "iota": "", "unsafe": "", "call": "",
}

// GoParam returns the Go name for a parameter: msg_len becomes msgLen. It
// returns "" for a name that is nothing but underscores.
func GoParam(name string) string {
	var b strings.Builder
	for i, word := range words(name) {
		switch first, size := utf8.DecodeRuneInString(word); {
		case i > 0:
			b.WriteString(capitalize(word))
		case word == strings.ToUpper(word) || initialisms[strings.ToLower(word)] != "":
			b.WriteString(strings.ToLower(word))
		default:
			b.WriteString(string(unicode.ToLower(first)) + word[size:])
		}
	}
	param := b.String()
	if param == "" {
		return ""
	}
	if other, ok := avoided[param]; ok {
		if other == "" {
			other = param + "_"
		}
		return other
	}
	if rest, ok := strings.CutPrefix(param, "rust"); ok && rest != "" && capitalize(rest) == rest {
		return param + "_" // like what generated code declares
	}
	if first, _ := utf8.DecodeRuneInString(param); unicode.IsDigit(first) {
		return "p" + param
	}
	return param
}

// GoParams returns the Go names for the parameters of one function, all
// different: p0, p1, … for those without a name, by their position, and a number
// behind a name that is taken.
func GoParams(params []Param) []string {
	names := make([]string, len(params))
	taken := map[string]bool{}
	for i := range params {
		base := GoParam(params[i].Name)
		if base == "" {
			base = "p" + strconv.Itoa(i)
		}
		name := base
		for n := 2; taken[name]; n++ {
			name = base + strconv.Itoa(n)
		}
		taken[name] = true
		names[i] = name
	}
	return names
}
