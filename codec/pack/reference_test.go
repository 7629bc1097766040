package pack

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/pion/rtp/codecs"
	"pgregory.net/rapid"

	"azulejo/codec/h264"
	"azulejo/mixer"
)

// reference builds the payloads directly, by copying: what Cut and Payload must put on the wire.
func reference(codec mixer.Codec, data []byte) [][]byte {
	switch {
	case len(data) == 0:
		return nil
	case codec == mixer.VP8:
		return (&codecs.VP8Payloader{}).Payload(Size, data)
	case codec == mixer.H264:
		return referenceH264(data)
	}
	return [][]byte{data}
}

func referenceH264(data []byte) (out [][]byte) {
	var sets [][]byte
	flush := func() {
		out, sets = append(out, referenceAggregate(sets)...), nil
	}
	_, rest, found := bytes.Cut(data, []byte{0, 0, 1})
	for found {
		var nal []byte
		nal, rest, found = bytes.Cut(rest, []byte{0, 0, 1})
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) == 0 {
			continue
		}
		switch nal[0] & 0x1f {
		case 9, 12:
		case 7, 8:
			sets = append(sets, nal)
		default:
			flush()
			out = append(out, referenceSplit(nal)...)
		}
	}
	flush()
	return out
}

func referenceAggregate(all [][]byte) (out [][]byte) {
	size, nri := 1, byte(0)
	for _, nal := range all {
		size += 2 + len(nal)
		nri = max(nri, nal[0]&0x60)
	}
	if len(all) < 2 || size > Size {
		for _, nal := range all {
			out = append(out, referenceSplit(nal)...)
		}
		return out
	}
	b := []byte{nri | 24}
	for _, nal := range all {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(nal))), nal...)
	}
	return [][]byte{b}
}

func referenceSplit(nal []byte) [][]byte {
	if len(nal) <= Size {
		return [][]byte{nal}
	}
	body := nal[1:]
	n := (len(body) + Size - 3) / (Size - 2)
	out := make([][]byte, n)
	for i := range out {
		out[i] = append([]byte{nal[0]&0xe0 | 28, nal[0] & 0x1f}, body[i*len(body)/n:(i+1)*len(body)/n]...)
	}
	out[0][1] |= 0x80
	out[n-1][1] |= 0x40
	return out
}

// compare fails if a payload differs from the reference, or writing to one would write to data behind it.
func compare(t interface{ Fatalf(string, ...any) }, codec mixer.Codec, data []byte) {
	want, boundaries := reference(codec, data), Cut(codec, data)
	if len(boundaries) != len(want) || (boundaries == nil) != (want == nil) {
		t.Fatalf("%s: %d payloads of %x, want %d", codec, len(boundaries), data, len(want))
	}
	if got := Payloads(codec, data); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("%s: Payloads of %x differ", codec, data)
	}
	for i, b := range boundaries {
		got := Payload(b, data)
		if !bytes.Equal(got, want[i]) {
			t.Fatalf("%s: payload %d of %x is %x, want %x", codec, i, data, got, want[i])
		}
		if b.PrefixLen == 0 && (&got[0] != &data[b.From] || cap(got) != len(got)) {
			t.Fatalf("%s: payload %d of %x is copied, or has room to append", codec, i, data)
		}
	}
}

// TestSameBytesAsReference: payloads of Annex B with NAL units of all types, odd start codes, zeros and long parameter
// sets, and of VP8 and Opus of any length.
func TestSameBytesAsReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compare(t, mixer.H264, drawAnnexB(t))
		frame := make([]byte, rapid.IntRange(0, 4*Size).Draw(t, "length"))
		if len(frame) > 0 {
			frame[0] = rapid.Byte().Draw(t, "first")
		}
		compare(t, mixer.VP8, frame)
		compare(t, mixer.Opus, frame)
	})
}

func drawAnnexB(t *rapid.T) []byte {
	out := rapid.SliceOfN(rapid.ByteRange(0, 2), 0, 3).Draw(t, "in front")
	for range rapid.IntRange(0, 8).Draw(t, "NAL units") {
		out = append(out, make([]byte, rapid.IntRange(2, 4).Draw(t, "zeros"))...)
		kind := rapid.SampledFrom([]h264.Type{
			h264.TypeSPS, h264.TypePPS, h264.TypeSPS, h264.TypePPS, h264.TypeAUD, h264.TypeFiller,
			h264.TypeSEI, h264.TypeIDR, h264.TypeSlice, 0, 24, 28,
		}).Draw(t, "type")
		out = append(out, 1, rapid.SampledFrom([]byte{0, 0x20, 0x40, 0x60, 0x80, 0xe0}).Draw(t, "nri")|byte(kind))
		body := rapid.SliceOfN(rapid.ByteRange(0, 3), 0, 12).Draw(t, "body")
		out = append(out, bytes.Repeat(body, rapid.SampledFrom([]int{0, 1, 2, 60, 100, 300}).Draw(t, "times"))...)
	}
	return out
}

// TestPayloadAllocatesOnce: a payload with a prefix takes one allocation, one without takes none.
func TestPayloadAllocatesOnce(t *testing.T) {
	long := append([]byte{0x65}, bytes.Repeat([]byte{7}, 2*Size)...)
	data := annexB([]byte{0x67, 1, 2, 3}, []byte{0x68, 1}, long, []byte{0x41, 5})
	for i, b := range Cut(mixer.H264, data) {
		want := float64(min(b.PrefixLen, 1))
		if got := testing.AllocsPerRun(100, func() { sink = Payload(b, data) }); got != want {
			t.Errorf("payload %d with a prefix of %d bytes: %v allocations, want %v", i, b.PrefixLen, got, want)
		}
	}
}

var sink []byte

// FuzzCut: any data is cut into the payloads of the reference.
func FuzzCut(f *testing.F) {
	f.Add(annexB([]byte{9, 0xf0}, []byte{0x67, 1, 2, 3}, []byte{12, 0xff}, []byte{0x68, 1}, append([]byte{0x65}, bytes.Repeat([]byte{7}, 2*Size)...)))
	f.Add(annexB([]byte{0x67, 1}, []byte{0x27, 1}, []byte{6, 5}, []byte{0x68, 1}))
	f.Add([]byte{0x10, 2, 0, 0x9d, 1, 0x2a, 0x10, 0, 0x10, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, codec := range []mixer.Codec{mixer.H264, mixer.VP8, mixer.Opus, mixer.MJPEG} {
			if codec == mixer.MJPEG {
				if Cut(codec, data) != nil {
					t.Fatalf("%s was cut", codec)
				}
				continue
			}
			compare(t, codec, data)
		}
	})
}
