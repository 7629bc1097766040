package depack

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// measure calls f and returns how many bytes f allocates, and how many of them are still in use afterwards.
func measure(f func()) (allocated, kept int) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc), int(after.HeapAlloc) - int(before.HeapAlloc)
}

// TestHostilePayloads: the memory that a Track allocates is proportional to the bytes that arrive, headers of RTP included.
func TestHostilePayloads(t *testing.T) {
	const largest = 65000 // bytes of a payload
	newTrack := func(id mixer.Codec) *Track { return track(t, id, 90000) }
	latm := AACFormat{LATM: true, Config: latmConfig(latm16k)}
	frame := append(bytes.Clone(aac8kADTS), 1, 2)
	vp9Structure := append([]byte{0x0e, 0x08, 255}, append(make([]byte, 255), vp9KeyHead)...)
	same := func(n int, payload []byte) (packets []*rtp.Packet) {
		for i := range n {
			packets = append(packets, pkt(uint16(i), 0, payload...))
		}
		return packets
	}
	for name, c := range map[string]struct {
		track  *Track
		in     []*rtp.Packet
		factor int // bytes that may be allocated for a byte
	}{
		"LATM: lengths of more than there is": {aacTrack(t, 16000, latm), same(1, append(bytes.Repeat([]byte{255}, largest), 0)), 4},
		"AAC: sizes of zero": {
			aacTrack(t, 16000, AACFormat{Config: aac16k, SizeLength: 6}), same(1, append([]byte{0xff, 0xff}, make([]byte, largest)...)), 1,
		},
		"AAC: small ADTS frames": {aacTrack(t, 16000, AACFormat{Config: aac16k}), same(1, bytes.Repeat(frame, largest/len(frame))), 1},
		"AV1: OBUs of one byte":  {newTrack(mixer.AV1), same(10, append([]byte{0}, bytes.Repeat([]byte{1, 0x30}, largest/2)...)), 8},
		"VP9: picture groups":    {newTrack(mixer.VP9), same(1000, vp9Structure), 4},
		"JPEG: no data":          {newTrack(mixer.MJPEG), append(same(1, jpegHead(1, 50, 0, 1)), same(20000, jpegHead(1, 50, 1))[1:]...), 1},
		"H.264: NAL units of one byte": {
			newTrack(mixer.H264), same(10, append(stap(inner), bytes.Repeat([]byte{0, 1, 0x41}, largest/3)...)), 12,
		},
		"H.264: start codes in a NAL unit": {newTrack(mixer.H264), same(10, bytes.Repeat([]byte{9, 0, 0, 1}, largest/4)), 12},
		"H.264: the same parameter set":    {newTrack(mixer.H264), same(10, bytes.Repeat([]byte{0x68, 0xce, 0, 0, 1}, largest/5)), 12},
	} {
		t.Run(name, func(t *testing.T) {
			size := 0
			for _, p := range c.in {
				size += rtpHeaderLen + len(p.Payload)
			}
			allocated, _ := measure(func() {
				for _, p := range c.in {
					p.Marker = true
					c.track.Push(p)
				}
			})
			t.Logf("%d bytes for %d: %.1f", allocated, size, float64(allocated)/float64(size))
			if allocated > c.factor*size+16<<10 {
				t.Errorf("%d bytes for %d bytes, want at most %d for one", allocated, size, c.factor)
			}
		})
	}
}

// TestStoredSetsAreBounded sends many and large parameter sets. A keyframe gets at most 16 KiB of them. Afterwards a stream can be
// decoded if it sends its own parameter sets again.
func TestStoredSetsAreBounded(t *testing.T) {
	tr, seq := track(t, mixer.H264, 90000), uint16(0)
	push := func(payload []byte) []mixer.Packet {
		seq++
		return tr.Push(marked(pkt(seq, uint32(seq)*3000, payload...)))
	}
	for id := range 200 { // the ID as an Exp-Golomb code of 17 bits: 8 zeros, and id+256
		push(append([]byte{0x68, 0, 0x80 | byte(id>>1), byte(id<<7) | 0x7f}, bytes.Repeat([]byte{7}, maxParamSet-4)...))
		got := push(idr)
		if len(got) != 1 || len(got[0].Data) > maxParamSets+1<<10 {
			t.Fatalf("%d access units, one of %d bytes after %d parameter sets", len(got), len(got[0].Data), id+1)
		}
	}
	push(sps0)
	push(pps0)
	if got := push(idr); len(got) != 1 || !got[0].Key {
		t.Errorf("no keyframe after whole parameter sets: %+v", got)
	}
}

// TestSmallPacketsAreBounded: an access unit of packets with one byte is dropped before its start codes fill the memory.
func TestSmallPacketsAreBounded(t *testing.T) {
	tr := track(t, mixer.H264, 90000)
	tr.Push(pkt(0, 0, inner...))
	for i := 1; i < maxAccessUnit/(rtpHeaderLen+1)+2; i++ {
		tr.Push(pkt(uint16(i), 0, 0x41))
	}
	if s := tr.Stats(); !errors.Is(s.Fault, errAccessUnitSize) || cap(tr.nals.buf) > maxAccessUnit {
		t.Errorf("%d bytes are held; the fault is %v", cap(tr.nals.buf), s.Fault)
	}
}

// TestJPEGKeepsNothing: of images that are over, a Track keeps no more than the buffer for the next one.
func TestJPEGKeepsNothing(t *testing.T) {
	tr, seq := track(t, mixer.MJPEG, 90000), uint16(0)
	large := make([]byte, 60000)
	_, kept := measure(func() {
		for image := range 100 { // each has one small payload less in front of the large one than the image before
			for i := range 100 - image {
				seq++
				tr.Push(pkt(seq, uint32(image), jpegHead(1, 50, i, 1)...))
			}
			seq++
			tr.Push(marked(pkt(seq, uint32(image), append(jpegHead(1, 50, 100-image), large...)...)))
		}
	})
	if s := tr.Stats(); s.AccessUnits != 100 || kept > 1<<20 {
		t.Errorf("%d bytes are in use after %d images of 100", kept, s.AccessUnits)
	}
}

// TestJPEGTablesAreBounded: of quantization tables with a wrong size, a Track keeps nothing.
func TestJPEGTablesAreBounded(t *testing.T) {
	tr := track(t, mixer.MJPEG, 90000)
	tables := append([]byte{0, 0, 60000 >> 8, 60000 & 0xff}, make([]byte, 60000)...)
	_, kept := measure(func() {
		for q := 128; q < 255; q++ {
			tr.Push(marked(pkt(uint16(q), uint32(q), append(jpegHead(1, byte(q), 0), tables...)...)))
		}
	})
	if s := tr.Stats(); !errors.Is(s.Fault, errJPEGLength) || kept > 1<<20 {
		t.Errorf("%d bytes are in use; the fault is %v", kept, s.Fault)
	}
}
