package engine

import (
	"image"
	"slices"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

func TestEncodedSizes(t *testing.T) {
	standard := []string{"720p", "360p", "180p"}
	for _, c := range []struct {
		canvas mixer.Size
		words  []string
		want   []mixer.Size
	}{
		{mixer.Size{W: 1280, H: 720}, standard, []mixer.Size{{W: 1280, H: 720}, {W: 640, H: 360}, {W: 320, H: 180}}},
		{mixer.Size{W: 1920, H: 1080}, standard, []mixer.Size{{W: 1280, H: 720}, {W: 640, H: 360}, {W: 320, H: 180}}},
		{mixer.Size{W: 1920, H: 1080}, []string{"1080p", "720p"}, []mixer.Size{{W: 1920, H: 1080}, {W: 1280, H: 720}}},
		{mixer.Size{W: 720, H: 1280}, standard, []mixer.Size{{W: 720, H: 1280}, {W: 360, H: 640}, {W: 180, H: 320}}},
		{mixer.Size{W: 640, H: 360}, standard, []mixer.Size{{W: 640, H: 360}, {W: 320, H: 180}}},
		{mixer.Size{W: 320, H: 180}, standard, []mixer.Size{{W: 320, H: 180}}},
		{mixer.Size{W: 1280, H: 720}, []string{"180p", "720p", "360p"}, []mixer.Size{{W: 1280, H: 720}, {W: 640, H: 360}, {W: 320, H: 180}}},
		{mixer.Size{W: 1280, H: 720}, []string{"1080p", "720p"}, []mixer.Size{{W: 1280, H: 720}}},
		{mixer.Size{W: 1280, H: 720}, []string{"100p"}, []mixer.Size{{W: 178, H: 100}}},
		{mixer.Size{W: 1000, H: 1000}, []string{"720p", "64p"}, []mixer.Size{{W: 720, H: 720}, {W: 64, H: 64}}},
		{mixer.Size{W: 7680, H: 64}, []string{"64p"}, []mixer.Size{{W: 7680, H: 64}}},
	} {
		got := mixer.EncodedSizes(c.canvas, c.words)
		if !slices.Equal(got, c.want) {
			t.Errorf("%v in %v: %v, want %v", c.canvas, c.words, got, c.want)
		}
		for _, s := range got {
			if s.W%2 != 0 || s.H%2 != 0 {
				t.Errorf("%v is odd", s)
			}
		}
	}
}

func TestParseRung(t *testing.T) {
	for word, want := range map[string]int{"720p": 720, "64p": 64, "4320p": 4320, "1080p": 1080} {
		if n, err := mixer.ParseRung(word); n != want || err != nil {
			t.Errorf("%q is %d, %v", word, n, err)
		}
	}
	for _, word := range []string{"", "p", "720", "62p", "4322p", "721p", "-720p", "+720p", "0720p", " 720p", "720P", "7.2p", "99999999999999999999p"} {
		if _, err := mixer.ParseRung(word); err == nil {
			t.Errorf("%q was accepted", word)
		}
	}
}

func TestPickSize(t *testing.T) {
	for _, sizes := range [][]mixer.Size{{{W: 1280, H: 720}, {W: 640, H: 360}, {W: 320, H: 180}}, {{W: 720, H: 1280}, {W: 360, H: 640}, {W: 180, H: 320}}} {
		for word, want := range map[string]int{"": 0, "auto": 0, "1080p": 0, "720p": 0, "540p": 1, "360p": 1, "358p": 2, "180p": 2, "90p": 2} {
			if got, err := mixer.PickSize(sizes, word); got != sizes[want] || err != nil {
				t.Errorf("%q of %v is %v, %v", word, sizes, got, err)
			}
		}
		if _, err := mixer.PickSize(sizes, "big"); err == nil {
			t.Error("big is a rung")
		}
	}
}

func TestBitratesFallWithTheSize(t *testing.T) {
	c := mixer.Config{}.WithDefaults()
	if got := c.MaxBitrate(mixer.Size{W: 1280, H: 720}); got != c.Bitrate {
		t.Errorf("the canvas has %d, want %d", got, c.Bitrate)
	}
	last := 100_000_001
	for _, s := range []mixer.Size{{W: 7680, H: 4320}, {W: 1920, H: 1080}, {W: 1280, H: 720}, {W: 640, H: 360}, {W: 320, H: 180}, {W: 64, H: 64}} {
		b := c.MaxBitrate(s)
		if b >= last || b < mixer.MinBitrate {
			t.Errorf("%v has %d after %d", s, b, last)
		}
		if perPixel, full := float64(b)/float64(s.W*s.H), float64(c.Bitrate)/(1280*720); s.W < 1280 && perPixel <= full {
			t.Errorf("%v has %.3f bits a pixel, fewer than the canvas with %.3f", s, perPixel, full)
		}
		last = b
	}
}

func TestRungsAreEncodedOnlyWhileWatched(t *testing.T) {
	m := start(t, medium)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, red)
	publish(t, m.AddSource(SourceConfig{Name: "b"}), mixer.H264, 320, 180, green)
	publish(t, m.AddSource(SourceConfig{Name: "c"}), mixer.H264, 320, 180, blue)
	sizes := func() (all []int) {
		for _, r := range m.Stats().Renditions {
			all = append(all, r.Height)
		}
		slices.Sort(all)
		return all
	}
	if len(sizes()) != 0 {
		t.Errorf("%v are encoded without a subscription", sizes())
	}
	low := attend(t, m, mixer.Watching{Codec: mixer.H264, Rung: "180p"}, nil)
	vp8 := attend(t, m, mixer.Watching{Codec: mixer.VP8, Rung: "180p"}, nil)
	if got := sizes(); !slices.Equal(got, []int{180, 180}) {
		t.Errorf("%v are encoded for two at 180p", got)
	}
	for _, v := range []*viewer{low, vp8} {
		eventually(t, 3*time.Second, "the grid at 180p", func() bool {
			if v.size() != (mixer.Size{W: 320, H: 180}) {
				return false
			}
			for i, tile := range v.layout().Tiles {
				tile.X, tile.Y, tile.W, tile.H = tile.X/2, tile.Y/2, tile.W/2, tile.H/2
				if !v.shows(inner(tile), []codec.Colour{red, green, blue}[i]) {
					return false
				}
			}
			return len(v.layout().Tiles) == 3
		})
	}
	vp8.sub.Close()
	top := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	if got := sizes(); !slices.Equal(got, []int{180, 360}) {
		t.Errorf("%v are encoded", got)
	}
	if m.running() != 1 {
		t.Errorf("%d views for two rungs of one", m.running())
	}
	eventually(t, 3*time.Second, "the canvas", func() bool {
		return top.size() == mixer.Size{W: 640, H: 360} && top.shows(image.Rect(100, 40, 220, 100), red)
	})
	low.sub.Close()
	if got := sizes(); !slices.Equal(got, []int{360}) {
		t.Errorf("%v are encoded after 180p has gone", got)
	}
}

// TestSubscriptionsTellTheirRungs: a subscription knows the rungs of its view, of which there are fewer under overload.
func TestSubscriptionsTellTheirRungs(t *testing.T) {
	m := start(t, medium)
	v := attend(t, m, mixer.Watching{Codec: mixer.H264, Rung: "90p"}, nil)
	want := func(when string, lines ...int) {
		t.Helper()
		var got []int
		last := 0
		for i, r := range v.sub.Rungs() {
			got = append(got, r.Lines())
			if i > 0 && r.Bitrate >= last {
				t.Errorf("%s: the bitrate of %v is %d, that of the rung above %d", when, r.Size, r.Bitrate, last)
			}
			last = r.Bitrate
		}
		if !slices.Equal(got, lines) {
			t.Errorf("%s: %v; want %v", when, got, lines)
		}
	}
	want("the canvas", 360, 180, 90)
	if err := v.sub.Change(mixer.Watching{View: &mixer.View{Width: 180, Height: 320}}); err != nil {
		t.Fatal(err)
	}
	want("a portrait", 180, 90)
	m.overload(overloadRung)
	want("the portrait under overload", 90)
	m.overload(0)
	want("and afterwards", 180, 90)
}
