package stack

import "testing"

// TestPaintRISCV does the same as TestPaintARM64 with code for RISC-V, and so do
// the other tests here.
func TestPaintRISCV(t *testing.T) { crossRISCV.testPaint(t) }

// The other levels were tried, too; they take a minute.
func TestPaintPopularRISCV(t *testing.T) { crossRISCV.testPaintPopular(t, `"s"`) }

func TestPaintGNURISCV(t *testing.T) {
	crossRISCV.testPaintGNU(t, "-fasynchronous-unwind-tables", "-O2", "-Os -fomit-frame-pointer", "-O1 -fno-omit-frame-pointer -fPIC", "-O0", "-O2 -fno-jump-tables")
}

func TestCompiledRISCV(t *testing.T) {
	crossRISCV.testCompiled(t, `core::arch::global_asm!(".globl memcpy, memset",
		"memcpy: mv a3, a0", "1: beqz a2, 2f", "lbu a4, (a1)", "sb a4, (a3)", "addi a1, a1, 1", "addi a3, a3, 1", "addi a2, a2, -1", "j 1b", "2: ret",
		"memset: mv a3, a0", "1: beqz a2, 2f", "sb a1, (a3)", "addi a3, a3, 1", "addi a2, a2, -1", "j 1b", "2: ret");`)
}
