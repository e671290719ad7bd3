package stack

// ret notes a return.
func (w *walker) ret(pc int64, s state) error {
	switch sp := s[w.sp]; {
	case sp.kind == otherStack:
		return failf(pc, "returns after it has switched stacks")
	case !w.atEntry(s):
		return failf(pc, "returns with %s %s", w.spName, sp.describe())
	}
	if w.final {
		w.block.exit = true
	}
	return nil
}

// call notes a call of one of some functions. It reports whether one returns.
func (w *walker) call(pc int64, targets []place, s state) bool {
	returns := false
	for _, to := range targets {
		f := w.function(to)
		w.noteEdge(edge{to: f, call: true, pc: pc}, s)
		returns = returns || w.functions[f].returns
	}
	w.clobber(s)
	return returns
}

func (w *walker) clobber(s state) {
	for r := range s {
		if w.callerSaved.has(r) {
			s[r] = value{kind: w.handed}
		}
	}
}

// jump notes a jump within the function or to another one.
func (w *walker) jump(pc int64, to place, s state) error {
	if to.Ref == w.sec.ref {
		// A jump to a function's symbol with the caller's sp could be either;
		// as a call of that function it makes shorter paths in messages.
		if to.off == w.f.at.off || !w.sec.isFunction(to.off) || !w.atEntry(s) {
			return w.flow(to.off, s)
		}
	}
	return w.tailCall(edge{to: w.function(to), pc: pc}, s)
}

// tailCall notes a jump that leaves the function for good.
func (w *walker) tailCall(e edge, s state) error {
	w.noteEdge(e, s)
	returns := e.to == indirect || w.functions[e.to].returns
	if returns && !w.atEntry(s) {
		return failf(e.pc, "jumps to another function with %s %s", w.spName, s[w.sp].describe())
	}
	if w.final {
		w.block.exit = w.block.exit || returns
	}
	return nil
}

func (w *walker) follow(pc int64, tables []table, s state) error {
	for _, t := range tables {
		if t.mixed {
			return failf(pc, "indirect jump by a table that leads to several sections")
		}
		for _, to := range t.targets {
			if err := w.flow(to, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// callback is the function by which code calls Go. The address that it calls is
// not one of the program's, and what is there leaves the stack at once.
const callback = "rustgo_callback"

func (w *walker) noteEdge(e edge, s state) {
	if e.to == indirect && w.f.symbol == callback {
		w.f.callsGo = true
		w.touch(s, w.pushed)
		return
	}
	if e.to != indirect {
		w.called(e.to, w.f.index)
	}
	if !w.final {
		return
	}
	e.depth = w.depth(s)
	e.elsewhere = s[w.sp].kind == otherStack
	w.block.edges = append(w.block.edges, e)
}
