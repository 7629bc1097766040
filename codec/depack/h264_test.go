package depack

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// NAL units as small as they can be. The second octet of a slice says whether it is the first of its
// picture and of which type; the rest is payload to tell them apart.
var (
	sps0  = []byte{0x67, 0x42, 0xc0, 0x1f, 0xda}
	pps0  = []byte{0x68, 0xce, 0x3c}
	pps1  = []byte{0x68, 0x50, 0x3d} // id 1
	sei   = []byte{0x06, 0x05, 0x01}
	aud   = []byte{0x09, 0xf0}
	idr   = []byte{0x65, 0x88, 0x01}
	idr2  = []byte{0x65, 0x44, 0x02} // second slice
	inner = []byte{0x41, 0x9a, 0x01}
	tail  = []byte{0x41, 0x46, 0x02} // second slice
	intro = []byte{0x41, 0x88, 0x03} // I slice that is no IDR
)

// stap joins NAL units to a STAP-A.
func stap(nals ...[]byte) []byte {
	out := []byte{0x78}
	for _, n := range nals {
		out = append(append(out, byte(len(n)>>8), byte(len(n))), n...)
	}
	return out
}

// fua cuts a NAL unit into n fragments.
func fua(nal []byte, n int) [][]byte {
	var out [][]byte
	body := nal[1:]
	for i := range n {
		fu := nal[0] & 0x1f
		if i == 0 {
			fu |= 0x80
		}
		if i == n-1 {
			fu |= 0x40
		}
		part := body[i*len(body)/n : (i+1)*len(body)/n]
		out = append(out, append([]byte{nal[0]&0xe0 | 28, fu}, part...))
	}
	return out
}

// annexB joins NAL units with start codes.
func annexB(nals ...[]byte) []byte {
	var out []byte
	for _, n := range nals {
		out = append(append(out, 0, 0, 0, 1), n...)
	}
	return out
}

// unit is what a test expects of a codec.Packet.
type unit struct {
	ms        int64
	data      []byte
	key, lost bool
}

func checkUnits(t *testing.T, got []mixer.Packet, want []unit) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(g mixer.Packet, w unit) bool {
		return g.PTS.Milliseconds() == w.ms && bytes.Equal(g.Data, w.data) && g.Key == w.key && g.Lost == w.lost
	})
	if same {
		return
	}
	t.Errorf("got %s", show(got))
	for _, w := range want {
		t.Errorf("want %d:%x key=%v lost=%v", w.ms, w.data, w.key, w.lost)
	}
}

func TestH264(t *testing.T) {
	long := append([]byte{0x65, 0x88}, bytes.Repeat([]byte{7}, 3000)...)
	f := fua(long, 3)
	small := fua(inner, 2)
	for name, c := range map[string]struct {
		in                 []*rtp.Packet
		want               []unit
		malformed, dropped uint64
	}{
		"single NAL units": {
			in:   []*rtp.Packet{pkt(1, 0, sps0...), pkt(2, 0, pps0...), end(pkt(3, 0, idr...)), end(pkt(4, 3000, inner...))},
			want: []unit{{0, annexB(sps0, pps0, idr), true, false}, {33, annexB(inner), false, false}},
		},
		"STAP-A and FU-A": {
			in:   []*rtp.Packet{pkt(1, 0, stap(sps0, pps0)...), pkt(2, 0, f[0]...), pkt(3, 0, f[1]...), end(pkt(4, 0, f[2]...))},
			want: []unit{{0, annexB(sps0, pps0, long), true, false}},
		},
		"delimiters and filler are left out": {
			in:   []*rtp.Packet{end(pkt(1, 0, stap(aud, sps0, pps0, sei, idr, []byte{12, 0xff}, idr2)...))},
			want: []unit{{0, annexB(sps0, pps0, sei, idr, idr2), true, false}},
		},
		"ends at a new timestamp, last one by flush": {
			in:   []*rtp.Packet{pkt(1, 0, inner...), pkt(2, 0, tail...), pkt(3, 3000, inner...)},
			want: []unit{{0, annexB(inner, tail), false, false}, {33, annexB(inner), false, false}},
		},
		"last one without its marker is not flushed": {
			in:      []*rtp.Packet{end(pkt(1, 0, inner...)), pkt(2, 3000, inner...)},
			want:    []unit{{0, annexB(inner), false, false}},
			dropped: 1,
		},
		"remembered parameter sets go in front of an IDR": {
			in: []*rtp.Packet{
				end(pkt(1, 0, stap(sps0, pps0, idr)...)), end(pkt(2, 3000, inner...)), end(pkt(3, 6000, idr...)),
			},
			want: []unit{
				{0, annexB(sps0, pps0, idr), true, false}, {33, annexB(inner), false, false}, {66, annexB(sps0, pps0, idr), true, false},
			},
		},
		"all remembered PPS go in front": {
			in:   []*rtp.Packet{pkt(1, 0, stap(pps1, pps0, sps0)...), end(pkt(2, 3000, idr...))},
			want: []unit{{33, annexB(sps0, pps0, pps1, idr), true, false}},
		},
		"parameter sets with a marker and a timestamp of their own": {
			in:   []*rtp.Packet{end(pkt(1, 0, sps0...)), end(pkt(2, 0, pps0...)), end(pkt(3, 3000, idr...))},
			want: []unit{{33, annexB(sps0, pps0, idr), true, false}},
		},
		"an IDR nobody can decode is no key": {
			in:   []*rtp.Packet{end(pkt(1, 0, idr...)), end(pkt(2, 3000, stap(sps0, idr)...))},
			want: []unit{{0, annexB(idr), false, false}, {33, annexB(sps0, sps0, idr), false, false}},
		},
		"I picture with parameter sets is a key": {
			in:   []*rtp.Packet{end(pkt(1, 0, stap(sps0, pps0, intro)...)), end(pkt(2, 3000, intro...))},
			want: []unit{{0, annexB(sps0, pps0, intro), true, false}, {33, annexB(intro), false, false}},
		},
		"parameter sets before a P picture are no key": {
			in:   []*rtp.Packet{end(pkt(1, 0, stap(sps0, pps0, inner)...))},
			want: []unit{{0, annexB(sps0, pps0, inner), false, false}},
		},
		"B-frames go back in time": {
			in:   []*rtp.Packet{end(pkt(1, 0, inner...)), end(pkt(2, 9000, inner...)), end(pkt(3, 4500, inner...))},
			want: []unit{{0, annexB(inner), false, false}, {100, annexB(inner), false, false}, {50, annexB(inner), false, false}},
		},
		"middle fragment missing": {
			in:      []*rtp.Packet{pkt(1, 0, f[0]...), end(pkt(3, 0, f[2]...)), end(pkt(4, 3000, inner...))},
			want:    []unit{{33, annexB(inner), false, true}},
			dropped: 1,
		},
		"first slice missing": {
			in:      []*rtp.Packet{end(pkt(1, 0, inner...)), end(pkt(3, 3000, tail...)), end(pkt(4, 6000, inner...))},
			want:    []unit{{0, annexB(inner), false, false}, {66, annexB(inner), false, true}},
			dropped: 1,
		},
		"last slice missing": {
			in:      []*rtp.Packet{pkt(1, 0, inner...), end(pkt(3, 3000, inner...))},
			want:    []unit{{33, annexB(inner), false, true}},
			dropped: 1,
		},
		"first fragment missing": {
			in: []*rtp.Packet{
				end(pkt(1, 0, inner...)), end(pkt(3, 3000, small[1]...)), pkt(4, 6000, small[0]...), end(pkt(5, 6000, small[1]...)),
			},
			want:    []unit{{0, annexB(inner), false, false}, {66, annexB(inner), false, true}},
			dropped: 1,
		},
		"whole pictures missing, next begins with a fragment": {
			in:   []*rtp.Packet{end(pkt(1, 0, inner...)), pkt(9, 6000, small[0]...), end(pkt(10, 6000, small[1]...))},
			want: []unit{{0, annexB(inner), false, false}, {66, annexB(inner), false, true}},
		},
		"whole pictures missing, next begins with STAP-A": {
			in:   []*rtp.Packet{end(pkt(1, 0, inner...)), end(pkt(9, 6000, stap(sps0, pps0, idr)...))},
			want: []unit{{0, annexB(inner), false, false}, {66, annexB(sps0, pps0, idr), true, true}},
		},
		"joined within a picture": {
			in:      []*rtp.Packet{pkt(1, 0, f[1]...), end(pkt(2, 0, f[2]...)), end(pkt(3, 3000, inner...))},
			want:    []unit{{33, annexB(inner), false, true}},
			dropped: 1,
		},
		"marker within a fragmented NAL unit": {
			in:        []*rtp.Packet{end(pkt(1, 0, f[0]...)), end(pkt(2, 3000, inner...))},
			want:      []unit{{33, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"NAL unit between fragments": {
			in:        []*rtp.Packet{pkt(1, 0, f[0]...), pkt(2, 0, inner...), end(pkt(3, 0, f[2]...)), end(pkt(4, 3000, inner...))},
			want:      []unit{{33, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"fragments of different types": {
			in:        []*rtp.Packet{pkt(1, 0, f[0]...), end(pkt(2, 0, small[1]...)), end(pkt(3, 3000, inner...))},
			want:      []unit{{33, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"fragment begun twice": {
			in:        []*rtp.Packet{pkt(1, 0, f[0]...), end(pkt(2, 0, f[0]...)), end(pkt(3, 3000, inner...))},
			want:      []unit{{33, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"fragment that is all of it": {
			in:   []*rtp.Packet{end(pkt(1, 0, fua(inner, 1)[0]...))},
			want: []unit{{0, annexB(inner), false, false}},
		},
		"fragment of an aggregation, or empty": {
			in:        []*rtp.Packet{end(pkt(1, 0, 0x7c, 0x98, 1, 2)), end(pkt(2, 3000, 0x7c, 0x85)), end(pkt(3, 6000, inner...))},
			want:      []unit{{66, annexB(inner), false, true}},
			malformed: 1, dropped: 2,
		},
		"STAP-A cut off": {
			in: []*rtp.Packet{
				end(pkt(1, 0, stap(inner, tail)[:8]...)), end(pkt(2, 3000, stap(inner, nil)...)),
				end(pkt(3, 6000, append(stap(inner), 0)...)), end(pkt(4, 9000, inner...)),
			},
			want:      []unit{{100, annexB(inner), false, true}},
			malformed: 3, dropped: 3,
		},
		"STAP-A in STAP-A": {
			in:        []*rtp.Packet{end(pkt(1, 0, inner...)), end(pkt(2, 3000, stap(stap(inner))...)), end(pkt(3, 6000, inner...))},
			want:      []unit{{0, annexB(inner), false, false}, {66, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"types of the interleaved mode": {
			in:        []*rtp.Packet{end(pkt(1, 0, inner...)), end(pkt(2, 3000, 25, 0, 0, 0, 1, 9)), end(pkt(3, 6000, 29, 0x81, 0, 0, 1)), end(pkt(4, 9000, inner...))},
			want:      []unit{{0, annexB(inner), false, false}, {100, annexB(inner), false, true}},
			malformed: 2, dropped: 2,
		},
		"forbidden bit and type 0": {
			in:        []*rtp.Packet{end(pkt(1, 0, inner...)), end(pkt(2, 3000, 0xc1, 0x9a)), end(pkt(3, 6000, 0, 1, 2)), end(pkt(4, 9000, inner...))},
			want:      []unit{{0, annexB(inner), false, false}, {100, annexB(inner), false, true}},
			malformed: 2, dropped: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track(t, mixer.H264, 90000)
			checkUnits(t, pushAll(t, tr, c.in), c.want)
			if s := tr.Stats(); s.Malformed != c.malformed || s.Dropped != c.dropped {
				t.Errorf("%d malformed, %d dropped; want %d, %d (%v)", s.Malformed, s.Dropped, c.malformed, c.dropped, s.Fault)
			}
		})
	}
}

func TestH264ParametersFromSDP(t *testing.T) {
	tr := track(t, mixer.H264, 90000)
	tr.SetParameters(sps0, pps0, inner, nil, []byte{0x80})
	newer := []byte{0x67, 0x4d, 0x40, 0x1f, 0xdb}
	got := tr.Push(end(pkt(1, 0, idr...)))
	got = append(got, tr.Push(end(pkt(2, 3000, stap(newer, inner)...)))...)
	got = append(got, tr.Push(end(pkt(3, 6000, idr...)))...)
	checkUnits(t, got, []unit{
		{0, annexB(sps0, pps0, idr), true, false},
		{33, annexB(newer, inner), false, false},
		{66, annexB(newer, pps0, idr), true, false},
	})
	track(t, mixer.Opus, 48000).SetParameters(sps0)
}

// TestH264UnitIsBounded: a picture without end is dropped at 8 MiB, and the stream recovers.
func TestH264UnitIsBounded(t *testing.T) {
	tr := track(t, mixer.H264, 90000)
	slice := append(slices.Clone(inner), make([]byte, 60000)...)
	var seq uint16
	for range maxUnit/60000 + 100 {
		seq++
		tr.Push(pkt(seq, 0, slice...))
	}
	if n := cap(tr.nals.buf); n > 2*maxUnit {
		t.Errorf("%d bytes are kept of a picture without end", n)
	}
	checkUnits(t, tr.Push(end(pkt(seq+1, 0, inner...))), nil)
	checkUnits(t, tr.Push(end(pkt(seq+2, 3000, inner...))), []unit{{33, annexB(inner), false, true}})
	if s := tr.Stats(); s.Malformed != 1 || !errors.Is(s.Fault, errUnitSize) {
		t.Errorf("stats %+v", s)
	}
}

func TestGolomb(t *testing.T) {
	for name, c := range map[string]struct {
		in           []byte
		at, want, to int
		ok           bool
	}{
		"0":                {[]byte{0x80}, 0, 0, 1, true},
		"1 at a bit":       {[]byte{0b11010000}, 2, 1, 5, true}, // 010
		"255":              {[]byte{0, 0x80, 0x00}, 0, 255, 17, true},
		"cut off":          {[]byte{0x01}, 0, 0, 0, false},
		"too long":         {make([]byte, 8), 0, 0, 0, false},
		"behind the end":   {[]byte{0x80}, 8, 0, 8, false},
		"across six bytes": {[]byte{0, 0, 0, 1, 0, 0, 0}, 15, 65535, 48, true},
	} {
		t.Run(name, func(t *testing.T) {
			if v, next, ok := golomb(c.in, c.at); v != c.want || next != c.to || ok != c.ok {
				t.Errorf("got %d, %d, %v; want %d, %d, %v", v, next, ok, c.want, c.to, c.ok)
			}
		})
	}
}
