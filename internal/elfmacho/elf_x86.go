package elfmacho

import "github.com/cargo-rustgo/cargo-rustgo/internal/reloc"

// elfAMD64Relocs maps the relocation types of the System V x86-64 psABI 1.0,
// table 4.9. GOTPCREL and its two relaxable forms compute the same: whether an
// instruction can do without the GOT is decided from its bytes.
var elfAMD64Relocs = []reloc.Kind{
	0:  reloc.None,
	1:  reloc.Abs64,
	2:  reloc.PC32,
	4:  reloc.Call32, // PLT32
	9:  reloc.GOT32,  // GOTPCREL
	10: reloc.Abs32,
	11: reloc.Abs32S,
	12: reloc.Abs16,
	13: reloc.PC16,
	14: reloc.Abs8,
	15: reloc.PC8,
	16: reloc.TLS, // DTPMOD64
	17: reloc.TLS, // DTPOFF64
	18: reloc.TLS, // TPOFF64
	19: reloc.TLS, // TLSGD
	20: reloc.TLS, // TLSLD
	21: reloc.TLS, // DTPOFF32
	22: reloc.TLS, // GOTTPOFF
	23: reloc.TLS, // TPOFF32
	24: reloc.PC64,
	32: reloc.Size32,
	33: reloc.Size64,
	34: reloc.TLS,   // GOTPC32_TLSDESC
	35: reloc.TLS,   // TLSDESC_CALL
	36: reloc.TLS,   // TLSDESC
	37: reloc.IRel,  // IRELATIVE
	41: reloc.GOT32, // GOTPCRELX
	42: reloc.GOT32, // REX_GOTPCRELX
}
