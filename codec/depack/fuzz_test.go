package depack

import (
	"encoding/binary"
	"testing"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// script reads packets from bytes: flags, step of the sequence number, step of the timestamp, length, payload.
// Bits of the flags: 1 marker, 2 other SSRC, 4 far jump of the sequence, 8 far jump of the timestamp.
func script(b []byte) []*rtp.Packet {
	var out []*rtp.Packet
	var seq uint16
	var ts uint32
	for len(b) >= 4 {
		flags, n := b[0], min(int(b[3]), len(b)-4)
		seq += uint16(int8(b[1]))
		ts += uint32(int8(b[2])) * 100
		if flags&4 != 0 {
			seq += 20000
		}
		if flags&8 != 0 {
			ts += 1 << 30
		}
		p := ssrc(uint32(1+flags>>1&1), pkt(seq, ts, b[4:4+n]...))
		p.Marker = flags&1 != 0
		out, b = append(out, p), b[4+n:]
	}
	return out
}

// record writes one packet of a script.
func record(flags byte, dseq, dts int8, payload ...byte) []byte {
	return append([]byte{flags, byte(dseq), byte(dts), byte(len(payload))}, payload...)
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// fuzzStream pushes the packets of a script and checks what holds for any input.
func fuzzStream(f *testing.F, id mixer.Codec) {
	f.Helper()
	f.Fuzz(func(t *testing.T, b []byte) {
		tr := track(t, id, 48000)
		packets := script(b)
		for _, u := range pushAll(t, tr, packets) {
			checkAccessUnit(t, u)
		}
		s := tr.Stats()
		if s.Packets != uint64(len(packets)) || tr.order.held != 0 {
			t.Errorf("%d packets, %d held: %+v", len(packets), tr.order.held, s)
		}
		if s.AccessUnits+s.Dropped+s.Duplicates+s.Late > s.Packets {
			t.Errorf("more access units than packets: %+v", s)
		}
		if (s.Malformed > 0) != (s.Fault != nil) {
			t.Errorf("%d malformed, fault %v", s.Malformed, s.Fault)
		}
	})
}

func checkAccessUnit(t *testing.T, u mixer.Packet) {
	t.Helper()
	if len(u.Data) == 0 {
		t.Error("an empty access unit")
	}
	switch u.Codec {
	case mixer.H264, mixer.H265:
		if len(u.Data) < 5 || binary.BigEndian.Uint32(u.Data) != 1 {
			t.Errorf("not Annex B: %x", u.Data)
		}
	case mixer.VP8:
		if u.Key != (u.Data[0]&1 == 0) {
			t.Errorf("key is %v of a frame with %x", u.Key, u.Data[0])
		}
	case mixer.VP9, mixer.AV1:
	case mixer.MJPEG:
		if !u.Key {
			t.Error("an image is no keyframe")
		}
	default:
		if u.Duration <= 0 || !u.Key {
			t.Errorf("audio of %v, key %v", u.Duration, u.Key)
		}
	}
}

func FuzzH264(f *testing.F) {
	parts := fua(append([]byte{0x65, 0x88}, make([]byte, 60)...), 3)
	f.Add(join(record(0, 1, 0, stap(aud, sps0, pps0)...), record(0, 1, 0, parts[0]...), record(0, 1, 0, parts[1]...), record(1, 1, 0, parts[2]...)))
	f.Add(join(record(0, 1, 0, parts[0]...), record(1, 2, 0, parts[2]...), record(1, 1, 30, inner...), record(0, -1, 0, tail...)))
	f.Add(join(record(1, 1, 0, idr...), record(6, 1, 0, idr...), record(7, 0x60, 0, sps0...), record(10, 1, 127, inner...)))
	f.Add(join(record(1, 1, 0, 0x78, 0, 1), record(1, 1, 0, 0x7c, 0x98, 0), record(1, 1, 0, 0x80), record(1, 1, 0)))
	f.Add(join(record(1, 1, 0, annexB(sps0, pps0, idr)...), record(1, 1, 0, idr2...), record(1, 1, 30, inner...), record(1, 1, 0, tail...), record(0, 1, 30, inner...)))
	f.Add(join(record(1, 1, 0, stap(annexB(sps0, pps0), recovery3, inner)...), record(1, 1, 0, parts[0]...), record(1, 1, 0, tail...)))
	fuzzStream(f, mixer.H264)
}

func FuzzH265(f *testing.F) {
	a, b := fu(hidr)
	f.Add(join(record(0, 1, 0, ap(haud, vps, hsps, hpps)...), record(0, 1, 0, a...), record(1, 1, 0, b...)))
	f.Add(join(record(0, 1, 0, a...), record(1, 2, 30, trail...), record(1, 1, 30, hcra...), record(1, 1, 1, hrest...)))
	f.Add(join(record(1, 1, 0, 48<<1, 1, 0, 9), record(1, 1, 0, 49<<1, 1, 0x80), record(1, 1, 0, 2)))
	f.Add(join(record(1, 1, 0, annexB(vps, hsps, hpps, hidr)...), record(1, 1, 0, hrest...), record(1, 1, 30, ap(h265Recovery, trail)...)))
	fuzzStream(f, mixer.H265)
}

func FuzzVP8(f *testing.F) {
	f.Add(join(record(0, 1, 0, append([]byte{0x10}, vp8Key...)...), record(1, 1, 0, 0, 1, 2, 3)))
	f.Add(join(record(1, 1, 0, 0x90, 0xf0, 0x81, 0x23, 7, 0x25, vp8Delta, 2), record(1, 2, 30, 0x10, vp8Delta), record(1, -1, -30, 0)))
	f.Add(join(record(1, 1, 0, 0x90), record(1, 1, 0, 0x90, 0xf0, 0x81), record(1, 1, 0, 0x10)))
	fuzzStream(f, mixer.VP8)
}

func FuzzOpus(f *testing.F) {
	f.Add(join(record(0, 1, 10, 0xf8, 1), record(0, 2, 20, 0xfb, 6, 1), record(0, -1, -10, 0xf9)))
	f.Add(join(record(0, 1, 10, 0xfb), record(0, 1, 10, 0xfb, 0), record(0, 1, 10)))
	fuzzStream(f, mixer.Opus)
}
