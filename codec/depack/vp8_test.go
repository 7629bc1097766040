package depack

import (
	"testing"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// vp8Key is the smallest keyframe header; vp8Delta is the first octet of other frames.
var vp8Key = []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00}

const vp8Delta = 0x11

func vp8Pkt(seq uint16, ts uint32, descriptor []byte, body ...byte) *rtp.Packet {
	return pkt(seq, ts, append(append([]byte{}, descriptor...), body...)...)
}

func TestVP8(t *testing.T) {
	first, more := []byte{0x10}, []byte{0x00}
	full := []byte{0x90, 0xf0, 0x81, 0x23, 7, 0x25} // X, S; I with 15 bits, L, T, K
	for name, c := range map[string]struct {
		in        []*rtp.Packet
		want      string
		malformed uint64
		dropped   uint64
	}{
		"keyframe": {
			in:   []*rtp.Packet{marked(vp8Pkt(1, 0, first, vp8Key...))},
			want: "*0:1000009d012a4001f000",
		},
		"all descriptor fields": {
			in:   []*rtp.Packet{marked(vp8Pkt(1, 0, full, vp8Delta, 2))},
			want: "0:1102",
		},
		"picture ID of 7 bits": {
			in:   []*rtp.Packet{marked(vp8Pkt(1, 0, []byte{0x90, 0x80, 0x23}, vp8Delta, 2))},
			want: "0:1102",
		},
		"extension octet without extensions": {
			in:   []*rtp.Packet{marked(vp8Pkt(1, 0, []byte{0x90, 0}, vp8Delta, 2))},
			want: "0:1102",
		},
		"several packets and partitions": {
			in: []*rtp.Packet{
				vp8Pkt(1, 0, first, vp8Delta, 2), vp8Pkt(2, 0, more, 3), vp8Pkt(3, 0, []byte{0x11}, 4), marked(vp8Pkt(4, 0, []byte{0x01}, 5)),
			},
			want: "0:1102030405",
		},
		"ends at a new timestamp": {
			in:   []*rtp.Packet{vp8Pkt(1, 0, first, vp8Delta, 1), vp8Pkt(2, 3000, first, vp8Delta, 2), marked(vp8Pkt(3, 6000, first, vp8Delta, 3))},
			want: "0:1101 33:1102 66:1103",
		},
		"middle missing": {
			in: []*rtp.Packet{
				vp8Pkt(1, 0, first, vp8Delta), marked(vp8Pkt(3, 0, more, 3)), marked(vp8Pkt(4, 3000, first, vp8Delta, 4)),
			},
			want: "!33:1104", dropped: 1,
		},
		"start missing": {
			in: []*rtp.Packet{
				marked(vp8Pkt(1, 0, first, vp8Delta)), marked(vp8Pkt(3, 3000, more, 3)), marked(vp8Pkt(4, 6000, first, vp8Delta, 4)),
			},
			want: "0:11 !66:1104", dropped: 1,
		},
		"end missing": {
			in:   []*rtp.Packet{vp8Pkt(1, 0, first, vp8Delta), marked(vp8Pkt(3, 3000, first, vp8Delta, 3))},
			want: "!33:1103", dropped: 1,
		},
		"whole frame missing": {
			in:   []*rtp.Packet{marked(vp8Pkt(1, 0, first, vp8Delta)), marked(vp8Pkt(3, 6000, first, vp8Delta, 3))},
			want: "0:11 !66:1103",
		},
		"joined within a frame": {
			in:   []*rtp.Packet{marked(vp8Pkt(1, 0, more, 9)), marked(vp8Pkt(2, 3000, first, vp8Delta, 3))},
			want: "!33:1103", dropped: 1,
		},
		"continues without a start": {
			in:   []*rtp.Packet{marked(vp8Pkt(1, 0, first, vp8Delta)), marked(vp8Pkt(2, 3000, more, 9)), marked(vp8Pkt(3, 6000, first, vp8Delta, 3))},
			want: "0:11 !66:1103", malformed: 1, dropped: 1,
		},
		"starts twice": {
			in:   []*rtp.Packet{vp8Pkt(1, 0, first, vp8Delta), marked(vp8Pkt(2, 0, first, vp8Delta)), marked(vp8Pkt(3, 3000, first, vp8Delta, 3))},
			want: "!33:1103", malformed: 1, dropped: 1,
		},
		"partitions in the wrong order": {
			in: []*rtp.Packet{
				vp8Pkt(1, 0, first, vp8Delta), vp8Pkt(2, 0, []byte{0x12}, 2), marked(vp8Pkt(3, 0, []byte{0x11}, 1)), marked(vp8Pkt(4, 3000, first, vp8Delta, 4)),
			},
			want: "!33:1104", malformed: 1, dropped: 1,
		},
		"descriptor cut off": {
			in:   []*rtp.Packet{marked(pkt(1, 0, 0x90)), marked(pkt(2, 3000, 0x90, 0xf0, 0x81, 0x23, 7, 0x25)), marked(vp8Pkt(3, 6000, first, vp8Delta, 3))},
			want: "!66:1103", malformed: 2, dropped: 2,
		},
		"descriptor alone": {
			in:   []*rtp.Packet{marked(pkt(1, 0, 0x10)), marked(vp8Pkt(2, 3000, first, vp8Delta, 3))},
			want: "!33:1103", malformed: 1, dropped: 1,
		},
		"keyframe without start code": {
			in:   []*rtp.Packet{marked(vp8Pkt(1, 0, first, 0x10, 0, 0, 1, 2, 3, 4, 5, 6, 7)), marked(vp8Pkt(2, 3000, first, vp8Key...))},
			want: "!*33:1000009d012a4001f000", malformed: 1, dropped: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track(t, mixer.VP8, 90000)
			if got := show(pushAll(t, tr, c.in)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if s := tr.Stats(); s.Malformed != c.malformed || s.Dropped != c.dropped {
				t.Errorf("%d malformed, %d dropped; want %d, %d (%v)", s.Malformed, s.Dropped, c.malformed, c.dropped, s.Fault)
			}
		})
	}
}
