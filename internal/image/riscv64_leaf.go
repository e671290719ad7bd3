package image

// riscvLeaf is amd64Leaf for riscv64.
func riscvLeaf(code []byte) (body []byte, off uint64) { return nil, 0 }
