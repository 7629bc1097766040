package codec

import (
	"errors"
	"io"
	"os"
	"testing"

	"azulejo/mixer"
)

// BenchmarkDecode measures the decoding of one second of 1280x720 at 15 frames a second, of the file that AZULEJO_FOOTAGE
// names.
func BenchmarkDecode(b *testing.B) {
	name := os.Getenv("AZULEJO_FOOTAGE")
	if name == "" {
		b.Skip("AZULEJO_FOOTAGE names no file")
	}
	packets := readVideo(b, name)
	for _, skip := range []bool{false, true} {
		b.Run(map[bool]string{false: "full", true: "without loop filter"}[skip], func(b *testing.B) {
			d, err := NewVideoDecoder(packets[0].Codec, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			d.SkipLoopFilter(skip)
			i := 0
			for b.Loop() {
				for range 15 {
					frames, err := d.Decode(packets[i%len(packets)])
					if err != nil {
						b.Fatal(err)
					}
					for _, f := range frames {
						f.Close()
					}
					i++
				}
			}
		})
	}
}

// readVideo returns all video packets of a file.
func readVideo(b *testing.B, name string) (all []mixer.Packet) {
	b.Helper()
	f, err := OpenFile(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for {
		p, err := f.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			b.Fatal(err)
		}
		if p.Codec.IsVideo() {
			all = append(all, p)
		}
	}
}
