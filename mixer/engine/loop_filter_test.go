package engine

import (
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestSmallFramesSkipTheLoopFilter: at half the size, late frames of a GOP differ from those of a full decode. At full
// size they are equal bit for bit.
func TestSmallFramesSkipTheLoopFilter(t *testing.T) {
	packets := clip(t, "mandelbrot=size=320x180:rate=20", "-t", "1", "-bf", "0", "-g", "1000", "-crf", "32", "-preset", "veryfast")
	for _, c := range []struct {
		tile     videoUse
		min, max int // frames that differ
	}{
		{videoUse{w: 160, h: 90, decode: true}, len(packets) / 2, len(packets) - 1},
		{videoUse{w: 320, h: 180, decode: true}, 0, 0},
	} {
		src := start(t, small).AddSource(SourceConfig{Name: "a"})
		src.video.demand(c.tile)
		eventually(t, 5*time.Second, "it is decoded", func() bool { return src.Stats().Decoded })
		if n := unlike(t, src, packets); n < c.min || n > c.max {
			t.Errorf("%d of %d frames differ at %dx%d, want %d to %d", n, len(packets), c.tile.w, c.tile.h, c.min, c.max)
		}
	}
}

// unlike plays packets to src and counts the frames that differ from those of a full decode.
func unlike(t *testing.T, src *publisher, packets []mixer.Packet) (n int) {
	t.Helper()
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, p := range packets {
		frames, err := d.Decode(p)
		if err != nil || len(frames) != 1 {
			t.Fatalf("%d frames, error %v", len(frames), err)
		}
		before, _ := src.slot.status()
		src.WriteVideo(p)
		eventually(t, 5*time.Second, "the next frame", func() bool { seq, _ := src.slot.status(); return seq > before })
		got := src.slot.latest()
		if !got.Same(frames[0]) {
			n++
		}
		got.Close()
		frames[0].Close()
	}
	return n
}
