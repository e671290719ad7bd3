# make          build the tools, and run every check
# make demo     call curve25519-dalek from Go, without cgo
# make test     every test, as CI runs it
# make bench    what a call costs, beside Go, assembly and cgo
# make stress   ten minutes of calls under everything the runtime does to them
# make fuzz     the parsers' fuzz targets, a minute each

GO     ?= go
CARGO  ?= cargo
BIN    := $(CURDIR)/bin
TOOL   := $(BIN)/cargo-rustgo
DEMO   := $(CURDIR)/bin/demo

STATICCHECK := v0.8.2

.PHONY: all build demo test check unit rust deps bench stress fuzz clean

all: build test

build:
	$(GO) build -o "$(BIN)/" ./cargo-rustgo ./gowrap

# The consumer is copied, so that generated code stays out of the source tree.
demo: build
	rm -rf "$(DEMO)"
	cp -R fixtures/consumer "$(DEMO)"
	cd fixtures/edwards25519 && "$(TOOL)" build --out "$(DEMO)/gen/edwards25519"
	cd "$(DEMO)" && CGO_ENABLED=0 $(GO) run ./cmd/vector

test: deps check unit rust

# Everything is formatted, vetted, and in its place.
check:
	@test -z "$$(gofmt -l cargo-rustgo gowrap internal rust fixtures)" || { gofmt -l cargo-rustgo gowrap internal rust fixtures; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK) ./...

unit:
	$(GO) test -timeout 80m ./...

rust:
	cd rust/rustgo && $(CARGO) test --quiet && $(CARGO) clippy --quiet -- -D warnings

# Independent tools that the tests compare with, and the packages that have
# them. Where they cannot be installed, those tests say so and are skipped.
TOOLS    := g++ llvm-objdump-19 ld.lld-19 qemu-aarch64 qemu-riscv64 wine \
	aarch64-linux-gnu-gcc riscv64-linux-gnu-gcc x86_64-w64-mingw32-gcc clang-19
PACKAGES := g++ llvm-19 lld-19 clang-19 qemu-user wine wine64 gcc-mingw-w64-x86-64 \
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross

deps:
	@missing=; for t in $(TOOLS); do command -v $$t >/dev/null || missing="$$missing $$t"; done; \
	if [ -z "$$missing" ]; then \
		:; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACKAGES) >/dev/null; \
	else \
		echo "not installed:$$missing; the tests that compare with them are skipped"; \
	fi
	@for t in aarch64-unknown-linux-gnu aarch64-linux-android riscv64gc-unknown-linux-gnu x86_64-apple-darwin aarch64-apple-darwin \
		x86_64-pc-windows-msvc aarch64-pc-windows-msvc; do \
		command -v rustup >/dev/null && rustup --quiet target add $$t || \
			echo "rustup cannot add $$t: if rustc does not have it, tests are skipped"; \
	done
	@command -v rustup >/dev/null && rustup --quiet component add rust-src || \
		echo "rustup cannot add rust-src: if rustc does not have it, tests are skipped"
	@command -v wine-arm64 >/dev/null || \
	{ command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && fixtures/wine-arm64.sh; } || \
		echo "wine-arm64 is not installed: programs for windows/arm64 are not run"
	@test -e /usr/lib/rustlib/src/rust/library/Cargo.lock || \
	{ command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq rustc-web rust-web-src >/dev/null 2>&1; } || \
		echo "rustc-web and rust-web-src are not installed: --build-std is tested with rustup's compiler only"

bench: build
	$(GO) test ./fixtures -run '^TestBenchmarks$$' -v -args -bench

stress:
	$(GO) test ./fixtures -run '^TestStress$$' -v -timeout 60m -args -stress=10m

# Without its limit, making inputs smaller takes all of the minute.
fuzz:
	for p in archive:FuzzParse archive:FuzzMarshal elfmacho:FuzzParse elfmacho:FuzzMarshalCOFF image:FuzzBuild signature:FuzzRead signature:FuzzSource amd64:FuzzDecode arm64:FuzzDecode riscv64:FuzzDecode prebuilt:FuzzParse stack:FuzzAnalyze stack:FuzzAnalyzeARM64 stack:FuzzAnalyzeRISCV \
		bundle:FuzzReadGOPATH bundle:FuzzParseProvenance bundle:FuzzUpdate; do \
		$(GO) test ./internal/$${p%:*} -run '^$$' -fuzz "^$${p#*:}$$" -fuzztime 60s -fuzzminimizetime 100x || exit 1; done

clean:
	rm -rf "$(BIN)" rust/rustgo/target fixtures/*/target
