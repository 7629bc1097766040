package depack

import (
	"testing"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// NAL units of H.265: a header of two octets, and in slices a bit that marks the first slice of a picture.
var (
	vps   = []byte{0x40, 0x01, 0x0c}
	hsps  = []byte{0x42, 0x01, 0x01}
	hpps  = []byte{0x44, 0x01, 0xc1}
	hidr  = []byte{0x26, 0x01, 0xaf, 1, 2, 3}
	hcra  = []byte{0x2a, 0x01, 0xaf, 4}
	trail = []byte{0x02, 0x01, 0xd0, 5}
	hrest = []byte{0x02, 0x01, 0x10, 6} // not the first slice
	haud  = []byte{0x46, 0x01, 0x50}
)

func ap(nals ...[]byte) []byte {
	out := []byte{48 << 1, 0x01}
	for _, n := range nals {
		out = append(append(out, byte(len(n)>>8), byte(len(n))), n...)
	}
	return out
}

// fu cuts a NAL unit in two.
func fu(nal []byte) (a, b []byte) {
	kind := nal[0] >> 1
	a = append([]byte{49 << 1, nal[1], 0x80 | kind}, nal[2:4]...)
	b = append([]byte{49 << 1, nal[1], 0x40 | kind}, nal[4:]...)
	return a, b
}

func TestH265(t *testing.T) {
	a, b := fu(hidr)
	for name, c := range map[string]struct {
		in                 []*rtp.Packet
		want               []accessUnit
		malformed, dropped uint64
	}{
		"aggregation and fragments": {
			in:   []*rtp.Packet{pkt(1, 0, ap(haud, vps, hsps, hpps)...), pkt(2, 0, a...), marked(pkt(3, 0, b...)), marked(pkt(4, 3000, trail...))},
			want: []accessUnit{{0, annexB(vps, hsps, hpps, hidr), true, false}, {33, annexB(trail), false, false}},
		},
		"remembered parameter sets, CRA": {
			in:   []*rtp.Packet{pkt(1, 0, vps...), pkt(2, 0, hsps...), pkt(3, 0, hpps...), marked(pkt(4, 3000, hcra...))},
			want: []accessUnit{{33, annexB(vps, hsps, hpps, hcra), true, false}},
		},
		"without parameter sets no key": {
			in:   []*rtp.Packet{marked(pkt(1, 0, hidr...))},
			want: []accessUnit{{0, annexB(hidr), false, false}},
		},
		"last fragment missing": {
			in:      []*rtp.Packet{pkt(1, 0, a...), marked(pkt(3, 3000, trail...))},
			want:    []accessUnit{{33, annexB(trail), false, true}},
			dropped: 1,
		},
		"first slice missing": {
			in:      []*rtp.Packet{marked(pkt(1, 0, trail...)), marked(pkt(3, 3000, hrest...)), marked(pkt(4, 6000, trail...))},
			want:    []accessUnit{{0, annexB(trail), false, false}, {66, annexB(trail), false, true}},
			dropped: 1,
		},
		"PACI, one octet, fragment without header": {
			in: []*rtp.Packet{
				marked(pkt(1, 0, trail...)), marked(pkt(2, 3000, 50<<1, 1, 0, 0, 9)), marked(pkt(3, 6000, 2)),
				marked(pkt(4, 9000, 49<<1, 1)), marked(pkt(5, 12000, trail...)),
			},
			want:      []accessUnit{{0, annexB(trail), false, false}, {133, annexB(trail), false, true}},
			malformed: 3, dropped: 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track(t, mixer.H265, 90000)
			checkAccessUnits(t, pushAll(t, tr, c.in), c.want)
			if s := tr.Stats(); s.Malformed != c.malformed || s.Dropped != c.dropped {
				t.Errorf("%d malformed, %d dropped; want %d, %d (%v)", s.Malformed, s.Dropped, c.malformed, c.dropped, s.Fault)
			}
		})
	}
}
