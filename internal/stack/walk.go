package stack

import "slices"

// walker computes the state before each instruction of one function that can
// be reached from its entry: a forward data flow over basic blocks.
type walker struct {
	*program
	sec  *section
	f    *function
	code code

	in      map[int64]state // before the first instruction of a block
	covers  map[int64]int64 // instruction → the block that was walked through it
	pending []int64
	anchors map[int64]int64 // instruction that aligned sp → the lowest that sp can be

	scratch state // of the block that is being walked
	nothing state // in which no register is known

	// The last pass, over final states, fills these.
	final  bool
	block  *block
	blocks map[int64]*block
	lost   []place // addresses given up at a join
	red    redZone
}

// block is a run of instructions that are executed one after the other.
type block struct {
	start int64
	next  []int64
	exit  bool // ends in a return, or a jump to a function that returns
	// notes are what its instructions add to the function, once it is known
	// whether the block is on the panic path.
	edges  []edge
	uses   []blockUse
	stores []store
}

// walk fills in what the code of f tells. It depends on which callees return:
// while that is unknown they are taken not to.
func (p *program) walk(f *function) {
	f.walked, f.fail, f.switches, f.callsGo, f.own = true, nil, false, false, 0
	f.edges, f.uses, f.elsewhere, f.stores, f.depths = nil, nil, nil, nil, depthLog{}
	sec := p.sections[f.at.Ref]
	if sec == nil || sec.data == nil {
		f.fail = failf(f.at.off, "control goes to a place that is not code")
		f.returns = true
		return
	}
	w := &walker{
		program: p, sec: sec, f: f,
		in: map[int64]state{}, covers: map[int64]int64{}, anchors: map[int64]int64{}, blocks: map[int64]*block{},
		nothing: make(state, p.registers),
	}
	w.code = p.code(w)
	if err := w.run(); err != nil {
		f.fail = err
		w.afterFailure()
		return
	}
	w.finish()
}

func (w *walker) run() error {
	if err := w.flow(w.f.at.off, w.entryState()); err != nil {
		return err
	}
	for len(w.pending) > 0 {
		start := w.pending[len(w.pending)-1]
		w.pending = w.pending[:len(w.pending)-1]
		if err := w.walkBlock(start); err != nil {
			return err
		}
	}
	// From here on the states are final.
	w.final = true
	for _, start := range w.starts() {
		w.block = &block{start: start}
		w.blocks[start] = w.block
		if err := w.walkBlock(start); err != nil {
			return err
		}
	}
	return nil
}

// starts returns the blocks in order of their address.
func (w *walker) starts() []int64 {
	starts := make([]int64, 0, len(w.in))
	for start := range w.in {
		starts = append(starts, start)
	}
	slices.Sort(starts)
	return starts
}

// flow carries a state to the start of a block.
func (w *walker) flow(to int64, s state) error {
	if w.final {
		w.block.next = append(w.block.next, to)
		return nil
	}
	old := w.in[to]
	if old == nil {
		w.in[to] = slices.Clone(s)
		w.pending = append(w.pending, to)
		// A block that was walked through this instruction ends here now.
		if before, ok := w.covers[to]; ok {
			w.pending = append(w.pending, before)
		}
		return nil
	}
	if a, b := old[w.sp], s[w.sp]; a != b {
		return failf(to, "%s depends on the path: %s or %s", w.spName, a.describe(), b.describe())
	}
	for r := range s {
		// A stack address that differs from path to path is not followed.
		w.red.away = w.red.away || old[r].kind == onStack != (s[r].kind == onStack) || old[r].kind == onStack && old[r] != s[r]
	}
	if w.join(old, s) {
		w.pending = append(w.pending, to)
	}
	return nil
}

func (w *walker) walkBlock(start int64) error {
	w.scratch = append(w.scratch[:0], w.in[start]...)
	s := w.scratch
	for pc := start; ; {
		if pc != start && w.in[pc] != nil {
			return w.flow(pc, s)
		}
		w.covers[pc] = start
		if next, reg, below, ok := w.code.probeLoop(pc, s); ok {
			if err := w.check(pc, s); err != nil {
				return err
			}
			s[w.sp] = s[reg]
			w.touch(s, below)
			w.f.depths.unknown = true // inside the loop
			pc = next
			continue
		}
		n, err := w.code.decode(pc)
		if err != nil {
			if s[w.sp].kind == otherStack {
				return nil // after a call that does not return, on another stack
			}
			return failf(pc, "%v", err)
		}
		if err := w.check(pc, s); err != nil {
			return err
		}
		if w.final {
			w.f.depths.note(pc, n, s[w.sp])
		}
		on, err := w.code.step(pc, s)
		if err != nil || !on {
			w.f.depths.through = 0
			return err
		}
		w.f.depths.through = n
		pc += int64(n)
	}
}

// finish turns what the blocks noted into edges and uses of the function: only
// with all blocks known is it known which are on the panic path.
func (w *walker) finish() {
	onward := w.leadToExit()
	w.f.returns = false
	for _, start := range w.starts() {
		b := w.blocks[start]
		w.f.returns = w.f.returns || b.exit
		panics := !onward[start]
		for _, e := range b.edges {
			e.panics = panics
			w.f.addEdge(e)
		}
		for _, u := range b.uses {
			switch {
			case !u.elsewhere:
				w.f.addUse(use{u.place, !panics, u.escapes, u.access})
			case !u.access && !slices.Contains(w.f.elsewhere, u.place):
				w.f.elsewhere = append(w.f.elsewhere, u.place)
			}
		}
		for _, s := range b.stores {
			if !slices.Contains(w.f.stores, s) {
				w.f.stores = append(w.f.stores, s)
			}
		}
	}
	for _, at := range w.lost {
		w.f.addUse(use{at, true, true, false})
	}
	w.f.own = w.red.below(w.f.own, w.redZone)
}

// leadToExit returns the blocks from which a path leads to a return.
func (w *walker) leadToExit() map[int64]bool {
	before := map[int64][]int64{}
	onward := map[int64]bool{}
	var pending []int64
	for start, b := range w.blocks {
		for _, next := range b.next {
			before[next] = append(before[next], start)
		}
		if b.exit {
			pending = append(pending, start)
		}
	}
	for len(pending) > 0 {
		start := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if onward[start] {
			continue
		}
		onward[start] = true
		pending = append(pending, before[start]...)
	}
	return onward
}

// afterFailure makes the least of a function that was not understood: it may
// return and take any address that its section names.
func (w *walker) afterFailure() {
	w.f.returns = true
	w.f.own, w.f.edges, w.f.uses, w.f.elsewhere, w.f.stores = 0, nil, nil, nil, nil
	for i := range w.sec.targets {
		t := &w.sec.targets[i]
		if _, low := w.sec.high(t); low || !t.inSection() {
			continue
		}
		at := t.value()
		at.off += w.fieldEnd
		w.f.addUse(use{at, true, true, false})
		w.f.addUse(use{place{t.place.Ref, int64(t.place.Off)}, true, true, false})
	}
}

// depth is how many bytes below sp at the entry are in use, at most.
func (w *walker) depth(s state) int64 { return w.depthOf(s[w.sp]) }

func (w *walker) depthOf(sp value) int64 {
	switch {
	case sp.kind != onStack:
		return 0
	case sp.anchor == entryAnchor:
		return -sp.off
	}
	return -(w.anchors[sp.anchor] + sp.off)
}

// touch counts the bytes from extra below sp.
func (w *walker) touch(s state, extra int64) {
	if w.final && s[w.sp].kind == onStack {
		w.f.own = max(w.f.own, w.depth(s)+extra)
	}
}
