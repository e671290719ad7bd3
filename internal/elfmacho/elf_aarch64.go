package elfmacho

import (
	"strings"

	"github.com/cargo-rustgo/cargo-rustgo/internal/reloc"
)

// elfARM64Relocs maps the relocation types of "ELF for the Arm 64-bit
// Architecture (AArch64)", 2024Q3, "Relocation". Forms that check for overflow
// and forms that do not are one kind. Missing are the types of the large and
// tiny code models other than MOVW_UABS and LD_PREL_LO19, and of static data
// relative to the GOT.
var elfARM64Relocs = arm64Relocs([]reloc.Kind{
	0:    reloc.None,
	257:  reloc.Abs64,
	258:  reloc.Abs32,
	259:  reloc.Abs16,
	260:  reloc.PC64,
	261:  reloc.PC32,
	262:  reloc.PC16,
	263:  reloc.MovAbs, // MOVW_UABS_G0
	264:  reloc.MovAbs, // MOVW_UABS_G0_NC
	265:  reloc.MovAbs, // MOVW_UABS_G1
	266:  reloc.MovAbs, // MOVW_UABS_G1_NC
	267:  reloc.MovAbs, // MOVW_UABS_G2
	268:  reloc.MovAbs, // MOVW_UABS_G2_NC
	269:  reloc.MovAbs, // MOVW_UABS_G3
	270:  reloc.MovAbs, // MOVW_SABS_G0
	271:  reloc.MovAbs, // MOVW_SABS_G1
	272:  reloc.MovAbs, // MOVW_SABS_G2
	273:  reloc.Load19, // LD_PREL_LO19
	274:  reloc.Adr21,
	275:  reloc.Page21,      // ADR_PREL_PG_HI21
	276:  reloc.Page21,      // ADR_PREL_PG_HI21_NC
	277:  reloc.PageOff12,   // ADD_ABS_LO12_NC
	278:  reloc.PageOff12,   // LDST8_ABS_LO12_NC
	279:  reloc.Branch14,    // TSTBR14
	280:  reloc.Branch19,    // CONDBR19
	282:  reloc.Branch26,    // JUMP26
	283:  reloc.Branch26,    // CALL26
	284:  reloc.PageOff12S1, // LDST16_ABS_LO12_NC
	285:  reloc.PageOff12S2, // LDST32_ABS_LO12_NC
	286:  reloc.PageOff12S3, // LDST64_ABS_LO12_NC
	299:  reloc.PageOff12S4, // LDST128_ABS_LO12_NC
	311:  reloc.GOTPage21,
	312:  reloc.GOTPageOff12, // LD64_GOT_LO12_NC
	314:  reloc.PC32,         // PLT32, among data
	1028: reloc.TLS,          // TLS_DTPMOD
	1029: reloc.TLS,          // TLS_DTPREL
	1030: reloc.TLS,          // TLS_TPREL
	1031: reloc.TLS,          // TLSDESC
	1032: reloc.IRel,         // IRELATIVE
})

// arm64Relocs adds the types of thread-local storage, all that there are from
// TLSGD_ADR_PREL21 to TLSLD_LDST128_DTPREL_LO12_NC.
func arm64Relocs(kinds []reloc.Kind) []reloc.Kind {
	for typ := 512; typ <= 573; typ++ {
		kinds[typ] = reloc.TLS
	}
	return kinds
}

// elfARM64Mapping reports whether a name is that of a mapping symbol ("Mapping
// symbols" of the same document): $x or $d, with anything behind a dot.
func elfARM64Mapping(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	return base == "$x" || base == "$d"
}
