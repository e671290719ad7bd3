package arm64

import (
	"regexp"
	"strconv"
	"strings"
)

// refused reports whether an instruction is one of those that the tables leave
// out on purpose: memory tagging, signed pointers, copies of memory, accesses of
// 64 bytes or of two registers at once, what only kernels use; and SVE with its
// registers z0 and p0. The C library has some for processors that do.
func refused(mnemonic, operands string) bool {
	return special.MatchString(mnemonic) || scalable.MatchString(operands) || mnemonic == "cntb"
}

var (
	special = regexp.MustCompile(`^(irg|gmi|ldg|stg|stzg|st2g|stz2g|stgp|subps?|addg|subg|pacga|ldraa|ldrab|` +
		`(cpy|set)f?[pme](r?[wr]?t?){1,2}n?\w*|(add|sub|madd|msub)pt|rcw\w+|swpp\w*|ldclrp\w*|ldsetp\w*|ldiapp|stilp|ldap1|stl1|` +
		`(st|ld)64b(v0?)?|mrrs|msrr|sysp|tcancel)$`)
	unpredictable = regexp.MustCompile(`^(ld|st)`)
	scalable      = regexp.MustCompile(`\b[zp]\d+\b`)
	literal       = regexp.MustCompile(`^(ldr|prfm)`)
	registerName  = regexp.MustCompile(`^([xw])(\d+)$`)
	memoryText    = regexp.MustCompile(`^\[(\w+)(?:,\s*(#?-?\w+))?(?:,\s*(\w+)(?:\s+#(\w+))?)?\](!?)$`)
)

// register is the number of a general-purpose register, without the zero
// register.
func register(s string) (int, bool) {
	switch s {
	case "sp", "wsp":
		return SP, true
	}
	m := registerName.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[2])
	return n, true
}

// number reads "#0x10" and "#-16".
func number(s string) (int64, bool) {
	s, ok := strings.CutPrefix(s, "#")
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		var u uint64
		u, err = strconv.ParseUint(s, 0, 64)
		n = int64(u)
	}
	return n, ok && err == nil
}

// splitOperands splits at commas outside of brackets and braces.
func splitOperands(s string) []string {
	var list []string
	depth, start := 0, 0
	for i, c := range s {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 0 {
				list = append(list, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
	}
	if s != "" {
		list = append(list, strings.TrimSpace(s[start:]))
	}
	return list
}

// flows are the mnemonics that change where control goes.
var flows = map[string]Flow{
	"b": Jump, "bl": Call, "br": JumpIndirect, "blr": CallIndirect, "ret": Return, "retaa": Return, "retab": Return,
	"cbz": CondJump, "cbnz": CondJump, "tbz": CondJump, "tbnz": CondJump,
	"brk": Trap, "hlt": Trap, "udf": Trap,
	"hvc": Far, "smc": Far, "eret": Far, "drps": Far, "dcps1": Far, "dcps2": Far, "dcps3": Far,
}

// conditional reports whether a mnemonic is b or bc with a condition.
func conditional(mnemonic string) bool {
	return strings.HasPrefix(mnemonic, "b.") || strings.HasPrefix(mnemonic, "bc.")
}

// noDestination are prefixes of the mnemonics whose first operand is read.
var noDestination = []string{
	"st", "cmp", "cmn", "tst", "ccmp", "ccmn", "msr", "dc", "ic", "at", "tlbi", "sys", "prfm", "prfum", "rprfm",
	"setf", "rmif", "wfet", "wfit", "hint", "bti", "dsb", "dmb", "isb", "cb", "tb", "br", "ret",
}

// factsIn reads an instruction from its text.
func factsIn(mnemonic, operands string) (facts, bool) {
	f := facts{base: NoReg, index: NoReg, flow: flows[mnemonic]}
	if conditional(mnemonic) {
		f.flow = CondJump
	}
	ops := splitOperands(operands)
	if mnemonic == "ret" && len(ops) == 0 {
		ops = []string{"x30"}
	}
	// Where a branch, an address or a literal leads to is the last operand.
	switch {
	case f.flow == Call, f.flow == Jump, f.flow == CondJump, mnemonic == "adr", mnemonic == "adrp", literal.MatchString(mnemonic) && !strings.Contains(operands, "["):
		if len(ops) == 0 {
			return f, false
		}
		last := strings.Fields(ops[len(ops)-1])[0]
		n, err := strconv.ParseUint(strings.TrimPrefix(last, "0x"), 16, 64)
		if err != nil {
			return f, false
		}
		f.target = int(int64(n))
		ops = ops[:len(ops)-1]
	}
	if mnemonic == "rprfm" && len(ops) == 3 { // rprfm op, x12, [x8] is prfm op, [x8, x12]
		ops = []string{ops[0], strings.TrimSuffix(ops[2], "]") + ", " + ops[1] + "]"}
	}
	// The memory operand, and what follows it: how far the base moves.
	memory := false
	for i, op := range ops {
		if !strings.HasPrefix(op, "[") {
			continue
		}
		memory = true
		m := memoryText.FindStringSubmatch(op)
		if m == nil {
			return f, false
		}
		f.base, _ = register(m[1])
		if n, ok := number(m[2]); ok {
			f.disp = n
		} else if n, ok := register(m[2]); ok {
			f.index = n
		}
		if m[5] != "" {
			f.writes |= 1 << f.base
			f.stack = StackEffect{Kind: StackAdd, Delta: f.disp}
		}
		if i+1 < len(ops) {
			if n, ok := number(ops[i+1]); ok {
				f.disp = n
				f.stack = StackEffect{Kind: StackAdd, Delta: n}
			} else {
				f.stack = StackEffect{Kind: StackOther}
			}
			f.writes |= 1 << f.base
		}
		if f.base != SP {
			f.stack = StackEffect{}
		}
		ops = ops[:i]
		break
	}
	var regs []Regs
	for _, op := range ops {
		op, _, _ = strings.Cut(op, " ") // "w1 uxtw #2"
		if n, ok := register(op); ok {
			regs = append(regs, 1<<n)
		} else if op == "xzr" || op == "wzr" {
			regs = append(regs, 0)
		} else if strings.HasPrefix(op, "v") || strings.HasPrefix(op, "{") || regexp.MustCompile(`^[bhsdq]\d`).MatchString(op) {
			regs = append(regs, 0)
		}
	}
	first := destinations(mnemonic, memory, len(regs))
	for i, r := range regs {
		if first>>i&1 != 0 {
			f.writes |= r
		}
		if first>>i&1 == 0 || alsoReads(mnemonic, i) {
			f.reads |= r
		}
	}
	if strings.HasPrefix(mnemonic, "casp") && len(regs) == 4 {
		f.writes, f.reads = regs[0]|regs[1], regs[0]|regs[1]|regs[2]|regs[3]
	}
	switch mnemonic {
	case "bl", "blr":
		f.writes |= 1 << X30
	case "paciasp", "autiasp", "pacibsp", "autibsp", "paciaz", "autiaz", "pacibz", "autibz", "xpaclri":
		f.writes, f.reads = 1<<X30, 1<<X30
	case "svc":
		f.writes, f.reads = 1<<18-1, 1<<18-1
	case "pacia1716", "autia1716", "pacib1716", "autib1716":
		f.writes, f.reads = 1<<16|1<<17, 1<<16|1<<17
	}
	f.value = valueIn(mnemonic, operands)
	if !memory && f.writes.Has(SP) {
		f.stack = stackIn(mnemonic, operands)
	}
	return f, true
}

// destinations are the register operands that an instruction writes, bit n for
// the nth.
func destinations(mnemonic string, memory bool, n int) uint {
	base := strings.TrimSuffix(mnemonic, "b")
	switch {
	case mnemonic == "stset", mnemonic == "str", n == 0:
		return 0
	case strings.HasPrefix(mnemonic, "stxr"), strings.HasPrefix(mnemonic, "stlxr"), strings.HasPrefix(mnemonic, "stxp"), strings.HasPrefix(mnemonic, "stlxp"):
		return 1
	case memory && (strings.HasPrefix(mnemonic, "ldp") || strings.HasPrefix(mnemonic, "ldnp") || strings.HasPrefix(mnemonic, "ldxp") || strings.HasPrefix(mnemonic, "ldaxp")):
		return 3
	case memory && (strings.HasPrefix(mnemonic, "swp") || atomicLoad.MatchString(mnemonic)):
		return 2
	}
	if flows[mnemonic] != Next || conditional(mnemonic) {
		return 0
	}
	if mnemonic == "sysl" {
		return 1
	}
	for _, prefix := range noDestination {
		if strings.HasPrefix(mnemonic, prefix) || strings.HasPrefix(base, prefix) {
			return 0
		}
	}
	return 1
}

var atomicLoad = regexp.MustCompile(`^ld(add|clr|eor|set|smax|smin|umax|umin)`)

// alsoReads reports whether the nth operand is read although it is written.
func alsoReads(mnemonic string, n int) bool {
	if n != 0 {
		return false
	}
	switch mnemonic {
	case "movk", "bfi", "bfxil", "bfc", "bfm", "xpaci", "xpacd", "pacia", "autia", "pacib", "autib":
		return true
	}
	return strings.HasPrefix(mnemonic, "cas")
}

// stackIn is the effect on sp of an instruction that has it as destination.
func stackIn(mnemonic, operands string) StackEffect {
	ops := splitOperands(operands)
	other := StackEffect{Kind: StackOther}
	if ops[0] != "sp" {
		return other
	}
	source, general := register(ops[1])
	switch {
	case mnemonic == "mov" && general:
		return StackEffect{Kind: StackMove, Reg: source}
	case mnemonic == "and" && general && len(ops) == 3:
		if n, ok := number(ops[2]); ok {
			return StackEffect{Kind: StackAlign, Delta: n, Reg: source}
		}
	case (mnemonic == "add" || mnemonic == "sub") && general:
		n, ok := number(ops[2])
		if !ok {
			if m, plain := register(ops[2]); plain && mnemonic == "sub" && len(ops) == 3 && source == SP {
				return StackEffect{Kind: StackSub, Reg: m}
			}
			return other
		}
		if len(ops) == 4 { // lsl #12
			n <<= 12
		}
		if mnemonic == "sub" {
			n = -n
		}
		if source == SP {
			return StackEffect{Kind: StackAdd, Delta: n}
		}
		return StackEffect{Kind: StackMove, Delta: n, Reg: source}
	}
	return other
}

// valueIn is the immediate operand of an instruction whose value is followed.
func valueIn(mnemonic, operands string) int64 {
	ops := splitOperands(operands)
	var n int64
	switch mnemonic {
	case "mov", "movz", "movn", "movk", "add", "sub", "adds", "subs", "and", "orr":
		if strings.HasPrefix(operands, "v") {
			return 0
		}
		for i, op := range ops {
			if shift, ok := strings.CutPrefix(op, "lsl #"); ok && i > 0 && n != 0 {
				s, _ := strconv.Atoi(shift)
				n <<= s
			} else if v, ok := number(op); ok {
				n = v
				if mnemonic == "movn" && len(ops) == 2 {
					n = ^v
				}
			}
		}
	}
	if strings.HasPrefix(operands, "w") {
		n = int64(uint32(n))
	}
	return n
}
