package codec

import (
	"errors"
	"io"
	"os"
	"testing"

	"azulejo/mixer"
)

// BenchmarkDecode is what one second of 1280x720 at 15 pictures a second costs to decode, of the footage that
// AZULEJO_FOOTAGE names.
func BenchmarkDecode(b *testing.B) {
	name := os.Getenv("AZULEJO_FOOTAGE")
	if name == "" {
		b.Skip("AZULEJO_FOOTAGE names no file")
	}
	packets := pictures(b, name)
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

// pictures reads all picture packets of a file.
func pictures(b *testing.B, name string) (all []mixer.Packet) {
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
