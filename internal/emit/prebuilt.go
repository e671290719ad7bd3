package emit

// PrebuiltFiles returns the files of the package by name for whoever gets its
// machine code as an archive. They are the same for all platforms. The assembly
// file called stub stands in for the machine code: under gowrap it tells the Go
// compiler which functions are defined in assembly, and which of Go's are called
// from there; without gowrap it is an error that says so.
//
// cmd/go asks the assembler for these (asm -gensymabis) before it compiles Go
// files; gowrap defines RUSTGO_GOWRAP for it, and RUSTGO_SYMABIS as well when
// that is the question.
func (p *Package) PrebuiltFiles(stub string, defined, called []string) map[string][]byte {
	q := *p
	q.prebuilt = true
	files := q.goFiles()
	out := printer{name: stub}
	out.line("%s", Header)
	out.line("")
	out.line("// The machine code of this package is in an archive, which only gowrap finds:")
	out.line("// run `gowrap build` instead of `go build`, or `go build -toolexec=gowrap`.")
	out.line("")
	out.line("#ifndef RUSTGO_GOWRAP")
	out.line("the_machine_code_of_this_package_is_in_an_archive__use_gowrap_build_instead_of_go_build")
	out.line("#endif")
	out.line("")
	out.line("#ifdef RUSTGO_SYMABIS")
	// vet looks for TEXT with a name after it, and would compare sizes.
	out.line("#define DEFINED(f) TEXT f(SB), 0, $0")
	for _, name := range defined {
		out.line("DEFINED(·%s)", name)
	}
	for _, name := range called {
		out.line("\tCALL ·%s(SB)", name)
	}
	out.line("#endif")
	files[stub] = out.Bytes()
	return files
}
