package pack

import (
	"bytes"
	"slices"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"pgregory.net/rapid"

	"azulejo/codec/depack"
	"azulejo/mixer"
)

// TestRoundTrip: depack returns the access unit that was cut, and no payload is too long.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom([]mixer.Codec{mixer.H264, mixer.VP8, mixer.Opus}).Draw(t, "codec")
		track, err := depack.New(id, 90000)
		if err != nil {
			t.Fatal(err)
		}
		seq := rapid.Uint16().Draw(t, "seq")
		for n := range rapid.IntRange(1, 6).Draw(t, "access units") {
			accessUnit := drawAccessUnit(t, id)
			var got []mixer.Packet
			payloads := Payloads(id, accessUnit)
			for i, p := range payloads {
				if len(p) > Size && id != mixer.Opus {
					t.Fatalf("a payload of %d bytes; at most %d fit", len(p), Size)
				}
				got = append(got, track.Push(packet(&seq, uint32(n)*3000, p, i == len(payloads)-1))...)
			}
			if len(got) != 1 || !bytes.Equal(got[0].Data, accessUnit) || got[0].Lost {
				t.Fatalf("%d access units came back of %x in %d payloads: %+v", len(got), accessUnit, len(payloads), track.Stats())
			}
		}
	})
}

func packet(seq *uint16, stamp uint32, payload []byte, last bool) *rtp.Packet {
	p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: *seq, Timestamp: stamp, Marker: last}, Payload: payload}
	*seq++
	return p
}

// drawAccessUnit makes an access unit; some are as long as real keyframes.
func drawAccessUnit(t *rapid.T, id mixer.Codec) []byte {
	body := bytes.Repeat(rapid.SliceOfN(rapid.ByteRange(1, 255), 3, 60).Draw(t, "body"), rapid.IntRange(1, 120).Draw(t, "times"))
	switch id {
	case mixer.VP8:
		return append([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00}, body...)
	case mixer.Opus:
		return append([]byte{0xf8}, body...) // one CELT frame
	}
	var all [][]byte
	slice := []byte{0x41, 0x9a} // depack puts the last parameter sets in front of an IDR without any
	if rapid.Bool().Draw(t, "key") {
		slice = []byte{0x65, 0x88}
		all = [][]byte{{0x67, 0x42, 0xe0, 0x1f, 0x8c, 0x8d, 0x40}, {0x68, 0xce, 0x3c, 0x80}}
		if rapid.Bool().Draw(t, "another set") {
			all = append(all, append([]byte{0x68, 0x5f}, body...)) // PPS 1, often too long to be aggregated
		}
	}
	if rapid.Bool().Draw(t, "message") {
		all = append(all, []byte{0x06, 0x05, 0x01, 0x02, 0x80})
	}
	for range rapid.IntRange(1, 3).Draw(t, "slices") {
		all = append(all, append(slices.Clone(slice), body...))
	}
	return annexB(all...)
}

func annexB(all ...[]byte) []byte {
	var out []byte
	for _, nal := range all {
		out = append(append(out, 0, 0, 0, 1), nal...)
	}
	return out
}

// TestPionReads has pion assemble the NAL units: depack might accept mistakes that pack makes.
func TestPionReads(t *testing.T) {
	long := append([]byte{0x65}, bytes.Repeat([]byte{7}, 3*Size)...)
	sets := [][]byte{{0x67, 0x42, 0xe0, 0x1f}, {0x68, 0xce}}
	data := annexB([]byte{9, 0xf0}, sets[0], sets[1], []byte{12, 0xff}, long)
	payloads := Payloads(mixer.H264, append(data, 0, 0))
	if len(payloads) != 5 || payloads[0][0] != 0x60|stapA {
		t.Fatalf("%d payloads, the first begins with %#x; want a STAP-A and four fragments", len(payloads), payloads[0][0])
	}
	var got []byte
	reader := &codecs.H264Packet{}
	for _, p := range payloads {
		b, err := reader.Unmarshal(p)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b...)
	}
	if want := annexB(sets[0], sets[1], long); !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, want %d: without the delimiter and the filler", len(got), len(want))
	}
}

func TestEdges(t *testing.T) {
	slice := append([]byte{0x41}, bytes.Repeat([]byte{1}, Size)...)
	for _, c := range []struct {
		name string
		id   mixer.Codec
		in   []byte
		want []int // lengths
	}{
		{"nothing", mixer.H264, nil, nil},
		{"no start code", mixer.H264, []byte{0x41, 1, 2}, nil},
		{"start codes alone", mixer.H264, []byte{0, 0, 1, 0, 0, 0, 1}, nil},
		{"short start code", mixer.H264, []byte{0, 0, 1, 0x41, 5, 0, 0, 1, 0x41, 6, 7}, []int{2, 3}},
		{"exactly full", mixer.H264, annexB(slice[:Size]), []int{Size}},
		{"one too long", mixer.H264, annexB(slice), []int{2 + Size/2, 2 + Size/2}},
		{"parameter sets alone", mixer.H264, annexB([]byte{0x67, 1}, []byte{0x68, 1}), []int{9}},
		{"one parameter set", mixer.H264, annexB([]byte{0x67, 1}), []int{2}},
		{"not sent", mixer.MJPEG, []byte{1}, nil},
		{"vp8", mixer.VP8, make([]byte, Size), []int{Size, 2}},
	} {
		var got []int
		for _, p := range Payloads(c.id, c.in) {
			got = append(got, len(p))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: payloads of %v bytes, want %v", c.name, got, c.want)
		}
	}
}

func BenchmarkPayloads(b *testing.B) {
	accessUnit := annexB([]byte{0x67, 1, 2, 3}, []byte{0x68, 1}, append([]byte{0x65}, bytes.Repeat([]byte{7}, 40_000)...))
	b.SetBytes(int64(len(accessUnit)))
	for b.Loop() {
		Payloads(mixer.H264, accessUnit)
	}
}
