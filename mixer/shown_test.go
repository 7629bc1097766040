package mixer

import (
	"fmt"
	"image"
	"testing"
	"time"

	"azulejo/codec"
)

// size is that of the picture in the slot.
func (s *Slot) size() Size {
	f := s.Latest()
	defer f.Close()
	if f == nil {
		return Size{}
	}
	return Size{f.Width(), f.Height()}
}

// TestPicturesAreAsLargeAsTheLargestTile: what is kept follows the tiles, also where nothing comes any more, and is no
// newer for that.
func TestPicturesAreAsLargeAsTheLargestTile(t *testing.T) {
	src := start(t, small).AddSource(SourceConfig{Name: "a"})
	demand := func(w, h int, fill bool) { src.video.demand(use{w: w, h: h, fill: fill, decode: true}) }
	demand(160, 90, false)
	packets := clip(t, "testsrc2=size=640x360:rate=20", "-t", "1", "-bf", "0", "-g", "1000")
	for _, p := range packets {
		before, _ := src.slot.Mark()
		src.PutVideo(p)
		eventually(t, 5*time.Second, "the next picture", func() bool { seq, _ := src.slot.Mark(); return seq > before })
	}
	_, at := src.slot.Mark()
	for _, c := range []struct {
		w, h int
		fill bool
		want Size
	}{
		{160, 90, false, Size{160, 90}},
		{640, 360, false, Size{640, 360}},
		{212, 120, false, Size{212, 120}},
		{320, 90, false, Size{160, 90}},
		{320, 90, true, Size{320, 180}},
		{1280, 720, false, Size{640, 360}},
	} {
		demand(c.w, c.h, c.fill)
		eventually(t, 5*time.Second, fmt.Sprintf("%v for a tile of %dx%d", c.want, c.w, c.h), func() bool { return src.slot.size() == c.want })
	}
	if _, now := src.slot.Mark(); !now.Equal(at) {
		t.Errorf("the picture is of %v after it was shown in other sizes, want %v", now, at)
	}
	if st := src.Stats(); st.Width != 640 || st.Height != 360 {
		t.Errorf("the source is said to be %dx%d", st.Width, st.Height)
	}
}

// TestPicturesAreWideAndHighEnoughForAllTiles: of a tall tile and a smaller wide one the latter needs more of the picture.
// Pixels that are not square count as they are shown.
func TestPicturesAreWideAndHighEnoughForAllTiles(t *testing.T) {
	src := start(t, small).AddSource(SourceConfig{Name: "a"})
	src.demand(&tile{}, use{w: 406, h: 720, decode: true})
	src.demand(&tile{}, use{w: 640, h: 360, decode: true})
	f := still720(t)
	if got := src.video.uses.Load().needs(f); got != (Size{640, 360}) {
		t.Errorf("%v is needed, want 640x360", got)
	}
	f.Close()
	packets := clip(t, "testsrc2=size=360x288:rate=5", "-frames:v", "1", "-bf", "0", "-vf", "setsar=64/45")
	d, err := codec.NewVideoDecoder(codec.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	frames, err := d.Decode(packets[0])
	if err != nil || len(frames) != 1 {
		t.Fatalf("%d pictures, error %v", len(frames), err)
	}
	defer frames[0].Close()
	if got := (use{w: 256, h: 144}).needs(frames[0]); got != (Size{256, 144}) {
		t.Errorf("%v is needed of a picture that is shown at 512x288, want 256x144", got)
	}
}

func still720(t *testing.T) *codec.Frame {
	t.Helper()
	f, err := codec.NewFrame(1280, 720)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAStillPictureGrowsSharp: a tile that grows shows all of a picture although no other comes.
func TestAStillPictureGrowsSharp(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	for i := range 3 {
		publish(t, m.AddSource(SourceConfig{Name: string(rune('b' + i))}), codec.H264, 64, 64, green)
	}
	grid := attend(t, m, Watching{Codec: codec.H264}, nil)
	packets := clip(t, "color=red:size=320x180:rate=5,drawbox=x=160:w=1:h=180:color=white:t=fill", "-frames:v", "2", "-bf", "0")
	src.PutVideo(packets[0])
	eventually(t, 5*time.Second, "it is small", func() bool { return src.slot.size() == Size{160, 90} })
	large := attend(t, m, Watching{View: &View{Layout: "focus", Spotlight: "a", NoLabels: true}, Codec: codec.H264}, nil)
	line := image.Rect(160, 20, 162, 160) // a white column and a red one
	eventually(t, 2*time.Second, "the line is sharp", func() bool {
		white := large.mean(line.Intersect(image.Rect(160, 0, 161, 180))).Y
		return white > 180
	})
	grid.sub.Close()
	large.sub.Close()
}
