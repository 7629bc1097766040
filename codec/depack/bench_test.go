package depack

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// BenchmarkPush measures an access unit of 40 kB in 34 fragments, and a small one of four slices.
func BenchmarkPush(b *testing.B) {
	large := fua(append([]byte{0x41, 0x9a}, bytes.Repeat([]byte{7}, 40_000)...), 34)
	small := [][]byte{inner, tail, tail, tail}
	for name, payloads := range map[string][][]byte{"large": large, "small": small} {
		b.Run(name, func(b *testing.B) {
			tr := track(b, mixer.H264, 90000)
			seq, stamp := uint16(0), uint32(0)
			b.ReportAllocs()
			for b.Loop() {
				for i, p := range payloads {
					tr.Push(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: stamp, Marker: i == len(payloads)-1}, Payload: p})
					seq++
				}
				stamp += 3000
			}
		})
	}
}
