package repeat

import (
	"fmt"
	"testing"

	"azulejo/codec/h264"
)

// writer writes what a h264.Reader reads.
type writer struct {
	data []byte
	n    int // bits
}

func (w *writer) bit(b uint32) {
	if w.n&7 == 0 {
		w.data = append(w.data, 0)
	}
	w.data[w.n>>3] |= byte(b) << (7 - w.n&7)
	w.n++
}

func (w *writer) bits(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		w.bit(v >> i & 1)
	}
}

func (w *writer) ue(v uint32) {
	n := 0
	for (v+1)>>n > 1 {
		n++
	}
	w.bits(0, n)
	w.bits(v+1, n+1)
}

// encoder is the encoding engine of 9.3.4.
type encoder struct {
	writer
	low, span   uint32
	outstanding int
	started     bool
}

func (e *encoder) writeBit(b uint32) {
	if e.started {
		e.bit(b)
	}
	e.started = true
	for ; e.outstanding > 0; e.outstanding-- {
		e.bit(1 - b)
	}
}

func (e *encoder) renormalize() {
	for e.span < 256 {
		switch {
		case e.low < 256:
			e.writeBit(0)
		case e.low >= 512:
			e.low -= 512
			e.writeBit(1)
		default:
			e.low -= 256
			e.outstanding++
		}
		e.span <<= 1
		e.low <<= 1
	}
}

func (e *encoder) encode(c *context, value bool) {
	lps := uint32(rangeLPS[c.state][e.span>>6&3])
	e.span -= lps
	if value != c.mps {
		e.low += e.span
		e.span = lps
		if c.state == 0 {
			c.mps = !c.mps
		}
		c.state = nextLPS[c.state]
	} else if c.state < 62 {
		c.state++
	}
	e.renormalize()
}

func (e *encoder) terminate(last bool) {
	e.span -= 2
	if last {
		e.low += e.span
		e.span = 2
		e.renormalize()
		e.writeBit(e.low >> 9 & 1)
		e.bits(e.low>>7&3|1, 2)
		return
	}
	e.renormalize()
}

// skippedSlice encodes n macroblocks, all of which are skipped but the one with the number coded; -1 is none.
func skippedSlice(sl h264.Slice, n, coded int) []byte {
	e := encoder{span: 510}
	c := newContext(skipInit[sl.CABACInit], sl.QP)
	for i := range n {
		e.encode(&c, i != coded)
		e.terminate(i == n-1)
	}
	return e.data
}

// TestSkippedSlices: for each initial context and many numbers of macroblocks, skipped macroblocks are counted and take
// at most maxSkipped bytes. A slice with one macroblock that is not skipped counts as none.
func TestSkippedSlices(t *testing.T) {
	for init := range uint32(3) {
		for qp := int32(-12); qp <= 51; qp += 3 {
			for _, n := range []int{1, 2, 3, 10, 99, 396, 3600, 8160, 36864} {
				sl := h264.Slice{CABAC: true, CABACInit: init, QP: qp}
				data := skippedSlice(sl, n, -1)
				name := fmt.Sprintf("%d macroblocks with cabac_init_idc %d, QP %d", n, init, qp)
				if most := maxSkipped(uint32(n)) - 64; 3*len(data)/2 > most {
					t.Errorf("%s: %d bytes, with emulation prevention more than %d", name, len(data), most)
				}
				if got := skipped(h264.NewReader(data), &sl, 1<<20); got != uint32(n) {
					t.Errorf("%s: %d were counted", name, got)
				}
				if got := skipped(h264.NewReader(data), &sl, uint32(n-1)); got != 0 {
					t.Errorf("%s: %d were counted where fewer are left", name, got)
				}
				if got := skipped(h264.NewReader(skippedSlice(sl, n, n/2)), &sl, 1<<20); got != 0 {
					t.Errorf("%s: %d were counted, one of which is not skipped", name, got)
				}
				if got := skipped(h264.NewReader(data[:len(data)-1]), &sl, 1<<20); got != 0 {
					t.Errorf("%s: %d were counted in a slice that is cut off", name, got)
				}
			}
		}
	}
}

func TestSkipRuns(t *testing.T) {
	for name, c := range map[string]struct {
		write func(w *writer)
		want  uint32
	}{
		"all":                   {func(w *writer) { w.ue(99); w.bit(1) }, 99},
		"zeros behind":          {func(w *writer) { w.ue(99); w.bit(1); w.bits(0, 30) }, 99},
		"none":                  {func(w *writer) { w.ue(0); w.bit(1) }, 0},
		"too many":              {func(w *writer) { w.ue(100); w.bit(1) }, 0},
		"a macroblock behind":   {func(w *writer) { w.ue(98); w.ue(0); w.ue(0); w.bit(1) }, 0},
		"no stop bit":           {func(w *writer) { w.ue(99) }, 0},
		"something else behind": {func(w *writer) { w.ue(99); w.bit(1); w.bits(1, 16) }, 0},
	} {
		var w writer
		c.write(&w)
		if got := skipped(h264.NewReader(w.data), &h264.Slice{}, 99); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
