package depack

import (
	"bytes"
	"image"
	stdjpeg "image/jpeg"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"azulejo/mixer"
)

// Payloads of VP9: the descriptor has the bits B and E (start and end of a frame). The frame header of a keyframe starts with
// 0x82, that of another frame with 0x86.
const (
	vp9Start, vp9End, vp9Whole = 0x08, 0x04, 0x0c
	vp9KeyHead, vp9Delta       = 0x82, 0x86
)

// TestFrameCodecs: VP9 and AV1, one line for each sequence of packets.
func TestFrameCodecs(t *testing.T) {
	for name, c := range map[string]struct {
		id   mixer.Codec
		in   []*rtp.Packet
		want string
		bad  uint64
	}{
		"vp9, whole frames": {
			mixer.VP9, []*rtp.Packet{marked(pkt(1, 0, vp9Whole, vp9KeyHead, 1)), marked(pkt(2, 3000, vp9Whole, vp9Delta, 2))}, "*0:8201 33:8602", 0,
		},
		"vp9, fragments": {
			mixer.VP9, []*rtp.Packet{pkt(1, 0, vp9Start, vp9KeyHead), pkt(2, 0, 0, 1), marked(pkt(3, 0, vp9End, 2))}, "*0:820102", 0,
		},
		"vp9, a lost fragment": {
			mixer.VP9, []*rtp.Packet{
				pkt(1, 0, vp9Start, vp9KeyHead), marked(pkt(3, 0, vp9End, 2)),
				marked(pkt(4, 9000, vp9Whole, vp9Delta, 3)), marked(pkt(5, 18000, vp9Whole, vp9Delta, 4)),
			}, "!100:8603 200:8604", 0,
		},
		"vp9, a lost start": {
			mixer.VP9, []*rtp.Packet{marked(pkt(1, 0, vp9End, 1)), marked(pkt(2, 3000, vp9Whole, vp9KeyHead, 3))}, "!*33:8203", 0,
		},
		"vp9, no marker": {
			mixer.VP9, []*rtp.Packet{pkt(1, 0, vp9Whole, vp9KeyHead, 1), pkt(2, 3000, vp9Whole, vp9Delta, 2)}, "*0:8201 33:8602", 0,
		},
		"vp9, two layers": {
			mixer.VP9, []*rtp.Packet{pkt(1, 0, 0x2c, 0, 0, vp9KeyHead, 1), marked(pkt(2, 0, 0x2c, 2, 0, vp9Delta, 9))}, "*0:8201", 0,
		},
		"vp9, shown again": {mixer.VP9, []*rtp.Packet{marked(pkt(1, 0, vp9Whole, 0x88))}, "0:88", 0},
		"vp9, profile 3": {
			mixer.VP9, []*rtp.Packet{marked(pkt(1, 0, vp9Whole, 0xb1)), marked(pkt(2, 3000, vp9Whole, 0xb3))}, "*0:b1 33:b3", 0,
		},
		"vp9, no frame": {
			mixer.VP9, []*rtp.Packet{marked(pkt(1, 0, vp9Whole, 0x02)), marked(pkt(2, 3000, vp9Whole, vp9Delta))}, "!33:86", 1,
		},
		"vp9, no end": {
			mixer.VP9, []*rtp.Packet{marked(pkt(1, 0, vp9Start, vp9KeyHead)), marked(pkt(2, 3000, vp9Whole, vp9Delta))}, "!33:86", 1,
		},
		"av1, key and delta": {
			mixer.AV1, []*rtp.Packet{
				marked(pkt(1, 0, 0x28, 2, 0x08, 7, 0x30, 0x10, 5)),
				marked(pkt(2, 3000, 0x10, 0x30, 0x30, 6)),
			}, "*0:0a01073202" + "1005 33:32023006", 0,
		},
		"av1, lengths everywhere": {
			mixer.AV1, []*rtp.Packet{marked(pkt(1, 0, 0x08, 2, 0x08, 7, 3, 0x30, 0x10, 5))}, "*0:0a010732021005", 0,
		},
		"av1, sizes in the OBUs": {mixer.AV1, []*rtp.Packet{marked(pkt(1, 0, 0x28, 3, 0x0a, 1, 7, 0x32, 2, 0x10, 5))}, "*0:0a010732021005", 0},
		"av1, fragments": {
			mixer.AV1, []*rtp.Packet{pkt(1, 0, 0x68, 2, 0x08, 7, 0x30, 0x10), marked(pkt(2, 0, 0x90, 5))}, "*0:0a010732021005", 0,
		},
		"av1, a delimiter": {mixer.AV1, []*rtp.Packet{marked(pkt(1, 0, 0x38, 1, 0x10, 2, 0x08, 7, 0x30, 0x10, 5))}, "*0:0a010732021005", 0},
		"av1, no sequence": {mixer.AV1, []*rtp.Packet{marked(pkt(1, 0, 0x10, 0x30, 0x10, 5))}, "0:32021005", 0},
		"av1, a fragment alone": {
			mixer.AV1, []*rtp.Packet{marked(pkt(1, 0, 0x90, 5)), marked(pkt(2, 3000, 0x10, 0x30, 0x30, 6))}, "!33:32023006", 0,
		},
		"av1, an open fragment": {
			mixer.AV1, []*rtp.Packet{marked(pkt(1, 0, 0x50, 0x30, 0x10)), marked(pkt(2, 3000, 0x10, 0x30, 0x30, 6))}, "!33:32023006", 1,
		},
		"av1, a length too long": {
			mixer.AV1, []*rtp.Packet{
				pkt(1, 0, 0x10, 0x30, 0x30, 6), marked(pkt(2, 0, 0x20, 9, 0x08)),
				marked(pkt(3, 3000, 0x10, 0x30, 0x30, 6)),
			}, "!33:32023006", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track(t, c.id, 90000)
			if got := show(pushAll(t, tr, c.in)); got != c.want || tr.Stats().Malformed != c.bad {
				t.Errorf("got %s with %d malformed (%v), want %s with %d", got, tr.Stats().Malformed, tr.Stats().Fault, c.want, c.bad)
			}
		})
	}
}

// scan returns the entropy-coded data of a gray JPEG of 16x16 pixels in 4:2:0, with the usual Huffman tables.
func scan(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := stdjpeg.Encode(&file, image.NewRGBA(image.Rect(0, 0, 16, 16)), nil); err != nil {
		t.Fatal(err)
	}
	_, data, _ := bytes.Cut(file.Bytes(), []byte{0xff, 0xda}) // start of scan, then a header of 12 bytes
	return data[12 : len(data)-2]
}

// jpegHead returns the header of a JPEG payload: type, Q, offset.
func jpegHead(kind, q byte, offset int, more ...byte) []byte {
	return append([]byte{0, 0, byte(offset >> 8), byte(offset), kind, q, 2, 2}, more...)
}

// TestJPEG: images become files that Go's decoder accepts, with tables by Q or in the payload, and with restart markers.
func TestJPEG(t *testing.T) {
	jpegScan := scan(t)
	tables := append([]byte{0, 0, 0, 128}, bytes.Repeat([]byte{16}, 128)...)
	payload := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	first := marked(pkt(1, 0, payload(jpegHead(1, 255, 0), tables, jpegScan)...))
	for name, c := range map[string]struct {
		in     []*rtp.Packet
		images int
		bad    uint64
	}{
		"tables by Q":           {[]*rtp.Packet{marked(pkt(1, 0, payload(jpegHead(1, 50, 0), jpegScan)...))}, 1, 0},
		"tables in the payload": {[]*rtp.Packet{first}, 1, 0},
		"tables that were sent": {
			[]*rtp.Packet{
				marked(pkt(1, 0, payload(jpegHead(1, 200, 0), tables, jpegScan)...)),
				marked(pkt(2, 9, payload(jpegHead(1, 200, 0), []byte{0, 0, 0, 0}, jpegScan)...)),
			}, 2, 0,
		},
		"tables that were not sent": {
			[]*rtp.Packet{first, marked(pkt(2, 9, payload(jpegHead(1, 200, 0), []byte{0, 0, 0, 0}, jpegScan)...))}, 1, 1,
		},
		"restart markers": {
			[]*rtp.Packet{marked(pkt(1, 0, payload(jpegHead(65, 50, 0), []byte{0, 1, 0xff, 0xff}, jpegScan)...))}, 1, 0,
		},
		"fragments": {
			[]*rtp.Packet{pkt(1, 0, payload(jpegHead(1, 50, 0), jpegScan[:2])...), marked(pkt(2, 0, payload(jpegHead(1, 50, 2), jpegScan[2:])...))}, 1, 0,
		},
		"a lost fragment": {
			[]*rtp.Packet{
				pkt(1, 0, payload(jpegHead(1, 50, 0), jpegScan[:1])...), marked(pkt(3, 0, payload(jpegHead(1, 50, 2), jpegScan[2:])...)),
				marked(pkt(4, 90000, payload(jpegHead(1, 50, 0), jpegScan)...)),
			}, 1, 0,
		},
		"a fragment at a wrong place": {
			[]*rtp.Packet{pkt(1, 0, payload(jpegHead(1, 50, 0), jpegScan[:2])...), marked(pkt(2, 0, payload(jpegHead(1, 50, 3), jpegScan[2:])...))}, 0, 1,
		},
		"no marker bits": {
			[]*rtp.Packet{pkt(1, 0, payload(jpegHead(1, 50, 0), jpegScan)...), pkt(2, 9, payload(jpegHead(1, 50, 0), jpegScan)...)}, 2, 0,
		},
		"tables of another size": {
			[]*rtp.Packet{
				marked(pkt(1, 0, payload(jpegHead(1, 200, 0), tables, jpegScan)...)),
				marked(pkt(2, 9, payload(jpegHead(1, 200, 0), []byte{0, 0, 0, 192}, make([]byte, 192), jpegScan)...)),
				marked(pkt(3, 18, payload(jpegHead(1, 200, 0), []byte{0, 0, 0, 0}, jpegScan)...)), // those of the first payload
			}, 2, 1,
		},
		"tables that are cut off": {[]*rtp.Packet{marked(pkt(1, 0, payload(jpegHead(1, 200, 0), tables[:100])...))}, 0, 1},
		"an image that begins twice": {
			[]*rtp.Packet{pkt(1, 0, payload(jpegHead(1, 50, 0), jpegScan[:2])...), marked(pkt(2, 0, payload(jpegHead(1, 50, 0), jpegScan)...))}, 1, 0,
		},
		"too wide for RTP": {[]*rtp.Packet{marked(pkt(1, 0, 0, 0, 0, 0, 1, 50, 0, 2, 1, 2, 3))}, 0, 1},
		"unknown type":     {[]*rtp.Packet{marked(pkt(1, 0, payload(jpegHead(5, 50, 0), jpegScan)...))}, 0, 1},
		"short":            {[]*rtp.Packet{marked(pkt(1, 0, 0, 0, 0, 0, 1)), marked(pkt(2, 9, 0, 0, 0, 0, 1))}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track(t, mixer.MJPEG, 90000)
			all := pushAll(t, tr, c.in)
			if len(all) != c.images || tr.Stats().Malformed != c.bad {
				t.Errorf("%d images with %d malformed (%v), want %d with %d", len(all), tr.Stats().Malformed, tr.Stats().Fault, c.images, c.bad)
			}
			for _, p := range all {
				head, err := stdjpeg.DecodeConfig(bytes.NewReader(p.Data))
				if err != nil || head.Width != 16 || head.Height != 16 || !p.Key {
					t.Errorf("an image of %dx%d, key %v: %v", head.Width, head.Height, p.Key, err)
				}
				if _, err := stdjpeg.Decode(bytes.NewReader(p.Data)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func FuzzVP9(f *testing.F) {
	f.Add(join(record(0, 1, 0, vp9Start, vp9KeyHead), record(1, 1, 0, vp9End, 1), record(1, 1, 30, vp9Whole, vp9Delta), record(1, 1, 30, 0xff, 1, 2, 3)))
	fuzzStream(f, mixer.VP9)
}

// FuzzVP9Descriptor compares readVP9 with pion, which refuses spatial layers above 4.
func FuzzVP9Descriptor(f *testing.F) {
	f.Add([]byte{vp9Whole, vp9KeyHead, 1})
	f.Add([]byte{0xac, 0x81, 0x23, 0x24, 7, vp9KeyHead})
	f.Add([]byte{0xf8, 0x12, 0x20, 3, 5, 2, vp9Delta})
	f.Add([]byte{0x8a, 5, 0x38, 1, 0x40, 0, 0xf0, 2, 0x80, 1, 0x60, 2, 1, 0x2c, 1, 2, 3, vp9KeyHead})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		var want codecs.VP9Packet
		_, wantErr := want.Unmarshal(b)
		got, err := readVP9(b)
		if (err == nil) != (wantErr == nil) && got.layer < 5 {
			t.Fatalf("%x: %v, pion: %v", b, err, wantErr)
		}
		if err == nil && wantErr == nil && (got.first != want.B || got.last != want.E || got.layer != uint32(want.SID) ||
			!bytes.Equal(got.data, want.Payload)) {
			t.Fatalf("%x: %+v, pion: %+v", b, got, want)
		}
	})
}

func FuzzAV1(f *testing.F) {
	f.Add(join(record(1, 1, 0, 0x28, 2, 0x08, 7, 0x30, 0x10, 5), record(0, 1, 30, 0x50, 0x30, 0x10), record(1, 1, 0, 0x90, 5), record(1, 1, 30, 0x20, 9)))
	fuzzStream(f, mixer.AV1)
}

func FuzzJPEG(f *testing.F) {
	f.Add(join(record(1, 1, 0, jpegHead(1, 50, 0, 0x28, 0xa2)...), record(0, 1, 30, jpegHead(65, 50, 0, 0, 1, 0, 0)...), record(1, 1, 0, jpegHead(1, 200, 0, 0, 0, 0, 0)...)))
	fuzzStream(f, mixer.MJPEG)
}
