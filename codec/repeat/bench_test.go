package repeat_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"azulejo/codec/repeat"
)

// BenchmarkRepeats measures a detector on 20 access units of a still scene in 1080p, with each entropy coding, and on a
// large access unit of which only the header is read.
func BenchmarkRepeats(b *testing.B) {
	source := strings.ReplaceAll(still, "200x120", "1920x1080")
	for name, options := range map[string]string{
		"CABAC": "-profile:v main -bf 0 -preset superfast -qp 26 -x264-params weightp=0 -pix_fmt yuv420p -frames:v 20",
		"CAVLC": "-profile:v baseline -preset superfast -qp 26 -pix_fmt yuv420p -frames:v 20",
	} {
		b.Run(name, func(b *testing.B) {
			packets := film(b, source, strings.Fields(options)...)
			var d repeat.Detector
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				for _, p := range packets {
					if d.Repeats(p.Data) {
						n++
					}
				}
			}
			if n == 0 {
				b.Error("no repeats")
			}
		})
	}
	b.Run("large", func(b *testing.B) {
		packets := film(b, source, strings.Fields("-profile:v main -bf 0 -preset superfast -pix_fmt yuv420p -frames:v 2")...)
		var d repeat.Detector
		d.Repeats(packets[0].Data)
		accessUnit := append([]byte{0, 0, 0, 1, 0x41, 0x9a}, noise(40_000)...)
		b.SetBytes(int64(len(accessUnit)))
		b.ReportAllocs()
		for b.Loop() {
			d.Repeats(accessUnit)
		}
	})
}

// noise has no start codes and no zeros in a row.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
		if i > 0 && out[i] < 4 && out[i-1] == 0 {
			out[i] = 7
		}
	}
	return out
}
