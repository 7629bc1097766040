package engine

import (
	"image"
	"testing"
	"time"

	"azulejo/mixer"
)

// TestViewsFollowTheSpeaker: the second of two sources speaks, and becomes large in views without a pinned source.
func TestViewsFollowTheSpeaker(t *testing.T) {
	m := start(t, medium)
	a := m.AddSource(SourceConfig{Name: "a"})
	b := m.AddSource(SourceConfig{Name: "b"})
	publish(t, a, mixer.H264, 320, 180, red)
	publish(t, b, mixer.H264, 320, 180, blue)
	grid := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	spotlight := attend(t, m, mixer.Watching{View: &mixer.View{Layout: mixer.KindSpotlight}, Codec: mixer.H264}, nil)
	pinned := attend(t, m, mixer.Watching{View: &mixer.View{Layout: mixer.KindSpotlight, Spotlight: "a"}, Codec: mixer.H264}, nil)
	speaker := attend(t, m, mixer.Watching{View: &mixer.View{Layout: mixer.KindSpeaker}, Codec: mixer.H264}, nil)
	whole := image.Rect(160, 60, 480, 180)
	eventually(t, 4*time.Second, "the first while nobody speaks", func() bool {
		return spotlight.shows(image.Rect(100, 80, 400, 160), red) && speaker.shows(whole, red) && pinned.shows(image.Rect(100, 80, 400, 160), red)
	})
	sing(t, b, 700)
	eventually(t, 5*time.Second, "the speaker is large", func() bool {
		return spotlight.shows(image.Rect(100, 80, 400, 160), blue) && speaker.shows(whole, blue)
	})
	if got := spotlight.layout().Tiles; got[0].ID != "b" || got[1].ID != "a" {
		t.Errorf("tiles %+v", got)
	}
	if !pinned.shows(image.Rect(100, 80, 400, 160), red) || pinned.layout().Tiles[0].ID != "a" {
		t.Error("a pinned spotlight has moved")
	}
	edge := func(i mixer.TileInfo) image.Rectangle { return image.Rect(i.X+20, i.Y, i.X+i.W-20, i.Y+2) }
	eventually(t, 3*time.Second, "a border around the speaker only", func() bool {
		all := grid.layout().Tiles
		return len(all) == 2 && all[1].Speaking && !all[0].Speaking &&
			grid.mean(edge(all[1])).Y > grid.mean(inner(all[1])).Y+60 && grid.shows(edge(all[0]), red)
	})
	b.SetMuted(true, false)
	eventually(t, 5*time.Second, "no border around a muted source", func() bool {
		all := grid.layout().Tiles
		return !all[1].Speaking && grid.shows(edge(all[1]), blue)
	})
	eventually(t, 2*time.Second, "the muted source is not large any more", func() bool { return spotlight.shows(image.Rect(100, 80, 400, 160), red) })
}
