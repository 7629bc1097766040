package depack

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// The smallest NAL units. The second octet of a slice tells whether it is the first of its picture, and its type. The
// other octets are payload, so that all of them differ.
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
	intro = []byte{0x41, 0x88, 0x03} // I slice, not IDR
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

// accessUnit is what a test expects of a mixer.Packet.
type accessUnit struct {
	ms        int64
	data      []byte
	key, lost bool
}

func checkAccessUnits(t *testing.T, got []mixer.Packet, want []accessUnit) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(g mixer.Packet, w accessUnit) bool {
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
		want               []accessUnit
		malformed, dropped uint64
	}{
		"single NAL units": {
			in:   []*rtp.Packet{pkt(1, 0, sps0...), pkt(2, 0, pps0...), marked(pkt(3, 0, idr...)), marked(pkt(4, 3000, inner...))},
			want: []accessUnit{{0, annexB(sps0, pps0, idr), true, false}, {33, annexB(inner), false, false}},
		},
		"STAP-A and FU-A": {
			in:   []*rtp.Packet{pkt(1, 0, stap(sps0, pps0)...), pkt(2, 0, f[0]...), pkt(3, 0, f[1]...), marked(pkt(4, 0, f[2]...))},
			want: []accessUnit{{0, annexB(sps0, pps0, long), true, false}},
		},
		"delimiters and filler are left out": {
			in:   []*rtp.Packet{marked(pkt(1, 0, stap(aud, sps0, pps0, sei, idr, []byte{12, 0xff}, idr2)...))},
			want: []accessUnit{{0, annexB(sps0, pps0, sei, idr, idr2), true, false}},
		},
		"ends at a new timestamp, last one by flush": {
			in:   []*rtp.Packet{pkt(1, 0, inner...), pkt(2, 0, tail...), pkt(3, 3000, inner...)},
			want: []accessUnit{{0, annexB(inner, tail), false, false}, {33, annexB(inner), false, false}},
		},
		"last one without its marker is not flushed": {
			in:      []*rtp.Packet{marked(pkt(1, 0, inner...)), pkt(2, 3000, inner...)},
			want:    []accessUnit{{0, annexB(inner), false, false}},
			dropped: 1,
		},
		"remembered parameter sets go in front of an IDR": {
			in: []*rtp.Packet{
				marked(pkt(1, 0, stap(sps0, pps0, idr)...)), marked(pkt(2, 3000, inner...)), marked(pkt(3, 6000, idr...)),
			},
			want: []accessUnit{
				{0, annexB(sps0, pps0, idr), true, false}, {33, annexB(inner), false, false}, {66, annexB(sps0, pps0, idr), true, false},
			},
		},
		"all remembered PPS go in front": {
			in:   []*rtp.Packet{pkt(1, 0, stap(pps1, pps0, sps0)...), marked(pkt(2, 3000, idr...))},
			want: []accessUnit{{33, annexB(sps0, pps0, pps1, idr), true, false}},
		},
		"parameter sets with a marker and a timestamp of their own": {
			in:   []*rtp.Packet{marked(pkt(1, 0, sps0...)), marked(pkt(2, 0, pps0...)), marked(pkt(3, 3000, idr...))},
			want: []accessUnit{{33, annexB(sps0, pps0, idr), true, false}},
		},
		"an IDR without parameter sets is no keyframe": {
			in:   []*rtp.Packet{marked(pkt(1, 0, idr...)), marked(pkt(2, 3000, stap(sps0, idr)...))},
			want: []accessUnit{{0, annexB(idr), false, false}, {33, annexB(sps0, sps0, idr), false, false}},
		},
		"I picture with parameter sets is a keyframe": {
			in:   []*rtp.Packet{marked(pkt(1, 0, stap(sps0, pps0, intro)...)), marked(pkt(2, 3000, intro...))},
			want: []accessUnit{{0, annexB(sps0, pps0, intro), true, false}, {33, annexB(intro), false, false}},
		},
		"parameter sets before a P picture make no keyframe": {
			in:   []*rtp.Packet{marked(pkt(1, 0, stap(sps0, pps0, inner)...))},
			want: []accessUnit{{0, annexB(sps0, pps0, inner), false, false}},
		},
		"B-frames go back in time": {
			in:   []*rtp.Packet{marked(pkt(1, 0, inner...)), marked(pkt(2, 9000, inner...)), marked(pkt(3, 4500, inner...))},
			want: []accessUnit{{0, annexB(inner), false, false}, {100, annexB(inner), false, false}, {50, annexB(inner), false, false}},
		},
		"middle fragment missing": {
			in:      []*rtp.Packet{pkt(1, 0, f[0]...), marked(pkt(3, 0, f[2]...)), marked(pkt(4, 3000, inner...))},
			want:    []accessUnit{{33, annexB(inner), false, true}},
			dropped: 1,
		},
		"first slice missing": {
			in:      []*rtp.Packet{marked(pkt(1, 0, inner...)), marked(pkt(3, 3000, tail...)), marked(pkt(4, 6000, inner...))},
			want:    []accessUnit{{0, annexB(inner), false, false}, {66, annexB(inner), false, true}},
			dropped: 1,
		},
		"last slice missing": {
			in:      []*rtp.Packet{pkt(1, 0, inner...), marked(pkt(3, 3000, inner...))},
			want:    []accessUnit{{33, annexB(inner), false, true}},
			dropped: 1,
		},
		"first fragment missing": {
			in: []*rtp.Packet{
				marked(pkt(1, 0, inner...)), marked(pkt(3, 3000, small[1]...)), pkt(4, 6000, small[0]...), marked(pkt(5, 6000, small[1]...)),
			},
			want:    []accessUnit{{0, annexB(inner), false, false}, {66, annexB(inner), false, true}},
			dropped: 1,
		},
		"whole access units missing, next starts with a fragment": {
			in:   []*rtp.Packet{marked(pkt(1, 0, inner...)), pkt(9, 6000, small[0]...), marked(pkt(10, 6000, small[1]...))},
			want: []accessUnit{{0, annexB(inner), false, false}, {66, annexB(inner), false, true}},
		},
		"whole access units missing, next starts with STAP-A": {
			in:   []*rtp.Packet{marked(pkt(1, 0, inner...)), marked(pkt(9, 6000, stap(sps0, pps0, idr)...))},
			want: []accessUnit{{0, annexB(inner), false, false}, {66, annexB(sps0, pps0, idr), true, true}},
		},
		"joined within an access unit": {
			in:      []*rtp.Packet{pkt(1, 0, f[1]...), marked(pkt(2, 0, f[2]...)), marked(pkt(3, 3000, inner...))},
			want:    []accessUnit{{33, annexB(inner), false, true}},
			dropped: 1,
		},
		"marker within a fragmented NAL unit": {
			in:        []*rtp.Packet{marked(pkt(1, 0, f[0]...)), marked(pkt(2, 3000, inner...))},
			want:      []accessUnit{{33, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"NAL unit between fragments": {
			in:        []*rtp.Packet{pkt(1, 0, f[0]...), pkt(2, 0, inner...), marked(pkt(3, 0, f[2]...)), marked(pkt(4, 3000, inner...))},
			want:      []accessUnit{{33, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"fragments of different types": {
			in:        []*rtp.Packet{pkt(1, 0, f[0]...), marked(pkt(2, 0, small[1]...)), marked(pkt(3, 3000, inner...))},
			want:      []accessUnit{{33, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"fragment started twice": {
			in:        []*rtp.Packet{pkt(1, 0, f[0]...), marked(pkt(2, 0, f[0]...)), marked(pkt(3, 3000, inner...))},
			want:      []accessUnit{{33, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"a single fragment": {
			in:   []*rtp.Packet{marked(pkt(1, 0, fua(inner, 1)[0]...))},
			want: []accessUnit{{0, annexB(inner), false, false}},
		},
		"fragment of an aggregation, or empty": {
			in:        []*rtp.Packet{marked(pkt(1, 0, 0x7c, 0x98, 1, 2)), marked(pkt(2, 3000, 0x7c, 0x85)), marked(pkt(3, 6000, inner...))},
			want:      []accessUnit{{66, annexB(inner), false, true}},
			malformed: 1, dropped: 2,
		},
		"STAP-A cut off": {
			in: []*rtp.Packet{
				marked(pkt(1, 0, stap(inner, tail)[:8]...)), marked(pkt(2, 3000, stap(inner, nil)...)),
				marked(pkt(3, 6000, append(stap(inner), 0)...)), marked(pkt(4, 9000, inner...)),
			},
			want:      []accessUnit{{100, annexB(inner), false, true}},
			malformed: 3, dropped: 3,
		},
		"STAP-A in STAP-A": {
			in:        []*rtp.Packet{marked(pkt(1, 0, inner...)), marked(pkt(2, 3000, stap(stap(inner))...)), marked(pkt(3, 6000, inner...))},
			want:      []accessUnit{{0, annexB(inner), false, false}, {66, annexB(inner), false, true}},
			malformed: 1, dropped: 1,
		},
		"types of the interleaved mode": {
			in:        []*rtp.Packet{marked(pkt(1, 0, inner...)), marked(pkt(2, 3000, 25, 0, 0, 0, 1, 9)), marked(pkt(3, 6000, 29, 0x81, 0, 0, 1)), marked(pkt(4, 9000, inner...))},
			want:      []accessUnit{{0, annexB(inner), false, false}, {100, annexB(inner), false, true}},
			malformed: 2, dropped: 2,
		},
		"forbidden bit and type 0": {
			in:        []*rtp.Packet{marked(pkt(1, 0, inner...)), marked(pkt(2, 3000, 0xc1, 0x9a)), marked(pkt(3, 6000, 0, 1, 2)), marked(pkt(4, 9000, inner...))},
			want:      []accessUnit{{0, annexB(inner), false, false}, {100, annexB(inner), false, true}},
			malformed: 2, dropped: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track(t, mixer.H264, 90000)
			checkAccessUnits(t, pushAll(t, tr, c.in), c.want)
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
	got := tr.Push(marked(pkt(1, 0, idr...)))
	got = append(got, tr.Push(marked(pkt(2, 3000, stap(newer, inner)...)))...)
	got = append(got, tr.Push(marked(pkt(3, 6000, idr...)))...)
	checkAccessUnits(t, got, []accessUnit{
		{0, annexB(sps0, pps0, idr), true, false},
		{33, annexB(newer, inner), false, false},
		{66, annexB(newer, pps0, idr), true, false},
	})
	track(t, mixer.Opus, 48000).SetParameters(sps0)
}

// TestH264AccessUnitIsBounded: an endless access unit is dropped at 8 MiB, and the stream recovers.
func TestH264AccessUnitIsBounded(t *testing.T) {
	tr := track(t, mixer.H264, 90000)
	slice := append(slices.Clone(inner), make([]byte, 60000)...)
	var seq uint16
	for range maxAccessUnit/60000 + 100 {
		seq++
		tr.Push(pkt(seq, 0, slice...))
	}
	if n := cap(tr.nals.buf); n > 2*maxAccessUnit {
		t.Errorf("%d bytes are held of an endless access unit", n)
	}
	checkAccessUnits(t, tr.Push(marked(pkt(seq+1, 0, inner...))), nil)
	checkAccessUnits(t, tr.Push(marked(pkt(seq+2, 3000, inner...))), []accessUnit{{33, annexB(inner), false, true}})
	if s := tr.Stats(); s.Malformed != 1 || !errors.Is(s.Fault, errAccessUnitSize) {
		t.Errorf("stats %+v", s)
	}
}

// TestSignalledSets: what SDP says about parameter sets never stops a stream that carries its own.
func TestSignalledSets(t *testing.T) {
	sets := annexB(sps0, pps0)
	otherSPS := []byte{0x67, 0x64, 0, 0x28, 0xac}         // ID 0
	foreignSPS := []byte{0x67, 0x64, 0, 0x28, 0x48, 0x11} // ID 1
	for name, c := range map[string]struct {
		sdp   [][]byte
		front []byte // of an IDR without parameter sets, when the stream has not sent any
	}{
		"nothing":                    {nil, nil},
		"empty":                      {[][]byte{{}}, nil},
		"another size":               {[][]byte{otherSPS, pps0}, annexB(otherSPS, pps0)},
		"another size, another ID":   {[][]byte{foreignSPS, pps0}, annexB(foreignSPS, pps0)},
		"garbage":                    {[][]byte{{0xe9, 0, 0, 0xff, 0xff, 0xff, 0xe9, 0, 0}, {0, 0, 1}, {0, 0}, {0x67}, {0x80}}, nil},
		"not an SPS":                 {[][]byte{pps0, sps0}, sets},
		"start codes":                {[][]byte{annexB(sps0), append([]byte{0, 0, 1}, pps0...)}, sets},
		"both in one, start codes":   {[][]byte{annexB(sps0, pps0)}, sets},
		"both in one, none in front": {[][]byte{annexB(sps0, pps0)[4:]}, sets},
		"PPS missing":                {[][]byte{sps0, {}}, nil},
		"slices too":                 {[][]byte{sps0, pps0, idr, aud}, sets},
	} {
		t.Run(name, func(t *testing.T) {
			only := track(t, mixer.H264, 90000)
			only.SetParameters(c.sdp...)
			got := only.Push(marked(pkt(1, 0, idr...)))
			if len(got) != 1 || got[0].Key != (c.front != nil) || got[0].Key && !bytes.Equal(got[0].Data, append(bytes.Clone(c.front), annexB(idr)...)) {
				t.Errorf("sets in SDP only: %s", show(got))
			}
			both := track(t, mixer.H264, 90000)
			both.SetParameters(c.sdp...)
			got = both.Push(marked(pkt(1, 0, stap(sps0, pps0, idr)...)))
			both.SetParameters(c.sdp...)
			got = append(got, both.Push(marked(pkt(2, 3000, idr...)))...)
			checkAccessUnits(t, got, []accessUnit{{0, annexB(sps0, pps0, idr), true, false}, {33, annexB(sps0, pps0, idr), true, false}})
		})
	}
}
