package engine

import (
	"fmt"
	"image"
	"math"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestFillCropsButNeverScreens shows a frame that is red at its left and right and green between.
func TestFillCropsButNeverScreens(t *testing.T) {
	for _, c := range []struct {
		name         string
		fill, screen bool
		cropped      bool
	}{{"fit", false, false, false}, {"fill", true, false, true}, {"screen", true, true, false}, {"screen fitted", false, true, false}} {
		t.Run(c.name, func(t *testing.T) {
			m := start(t, small)
			src := m.AddSource(SourceConfig{Name: "a", Screen: c.screen})
			f, err := codec.NewFrame(640, 180) // twice as wide as the tile
			if err != nil {
				t.Fatal(err)
			}
			f.Fill(f.Bounds(), red)
			f.Fill(image.Rect(160, 0, 480, 180), green)
			v := stage(t, m, mixer.View{Fill: c.fill, NoLabels: true})
			awake(t, v, src)
			src.slot.replace(codec.Decoded{Frame: f})
			if _, err := v.compose(time.Now()); err != nil {
				t.Fatal(err)
			}
			at := func(x, y int) codec.Colour { return v.canvas.Mean(image.Rect(x, y, x+8, y+8)) }
			edge, top, middle := at(4, 86), at(156, 4), at(156, 86)
			if !near(middle, green) {
				t.Errorf("the middle is %v", middle)
			}
			if c.cropped && (!near(edge, green) || !near(top, green)) {
				t.Errorf("the edge is %v and the top %v: not filled", edge, top)
			}
			if !c.cropped && (!near(edge, red) || !near(top, bars)) {
				t.Errorf("the edge is %v and the top %v: not fitted", edge, top)
			}
		})
	}
}

func TestFillCropsATallFrame(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	f, err := codec.NewFrame(180, 320)
	if err != nil {
		t.Fatal(err)
	}
	f.Fill(f.Bounds(), red)
	f.Fill(image.Rect(0, 100, 180, 220), green)
	v := stage(t, m, mixer.View{Fill: true, NoLabels: true})
	awake(t, v, src)
	src.slot.replace(codec.Decoded{Frame: f})
	if _, err := v.compose(time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := v.canvas.Mean(v.canvas.Bounds()); !near(got, green) {
		t.Errorf("the canvas is %v, want the middle of the frame", got)
	}
}

// TestAShapeThatChangesLeavesNothingBehind shows a wide frame and then a tall one on the same canvas.
func TestAShapeThatChangesLeavesNothingBehind(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, mixer.View{NoLabels: true})
	draw := func() {
		t.Helper()
		v.arrange(time.Now())
		if _, err := v.compose(time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	awake(t, v, src)
	showFrame(t, src, 320, 180, red)
	draw()
	showFrame(t, src, 90, 160, green)
	draw()
	if got := v.canvas.Mean(image.Rect(0, 0, 100, 180)); !near(got, bars) {
		t.Errorf("beside the tall frame is %v, want the bars", got)
	}
	if stills, _ := src.held(); stills != 1 {
		t.Errorf("%d stills are held", stills)
	}
	mute(t, src)
	draw()
	if stills, _ := src.held(); stills != 0 {
		t.Errorf("%d stills are held behind a placeholder", stills)
	}
	src.SetMuted(false, false)
	awake(t, v, src)
	showFrame(t, src, 90, 160, green)
	draw()
	if got := v.canvas.Mean(image.Rect(0, 0, 100, 180)); !near(got, bars) {
		t.Errorf("beside the frame that came back is %v, want the bars", got)
	}
}

// beside is a part of r that a tall frame in it does not reach.
func beside(r image.Rectangle) image.Rectangle {
	return image.Rect(r.Min.X, r.Min.Y, r.Min.X+r.Dx()/4, r.Max.Y)
}

// TestASmallTileKeepsItsBars: a small tile is drawn again whenever the large tile below it is.
func TestASmallTileKeepsItsBars(t *testing.T) {
	m := start(t, medium)
	all := people(m, 2)
	v := stage(t, m, mixer.View{Layout: mixer.KindPiP, Spotlight: "a", NoLabels: true})
	awake(t, v, all[0])
	awake(t, v, all[1])
	showFrame(t, all[1], 90, 160, green)
	for _, c := range []codec.Colour{red, blue} {
		showFrame(t, all[0], 640, 360, c)
		v.draw(t)
		if got := v.canvas.Mean(beside(v.tiles[1].rect)); !near(got, bars) {
			t.Errorf("on a frame of %v there is %v beside the small one, want the bars", c, got)
		}
	}
}

// TestAShapeThatChangesWhileItIsDrawn: a tile is drawn again if a frame of another shape came while it was drawn.
func TestAShapeThatChangesWhileItIsDrawn(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, mixer.View{NoLabels: true})
	awake(t, v, src)
	showFrame(t, src, 320, 180, red)
	v.draw(t)
	showFrame(t, src, 90, 160, green)
	tile := v.tiles[0]
	look := tile.look(time.Now())
	tile.drawStill(v.canvas, &look, 320, 180)
	tile.onCanvas = look
	v.draw(t)
	if got := v.canvas.Mean(beside(tile.rect)); !near(got, bars) {
		t.Errorf("beside the tall frame is %v, want the bars", got)
	}
}

// TestEachLayerIsFittedByItsOwnShape shows a camera whose sub-stream has another aspect ratio than its main stream. Nothing moves,
// and both layers look the same when they are scaled to one size.
func TestEachLayerIsFittedByItsOwnShape(t *testing.T) {
	for name, c := range map[string]struct {
		w, h  int
		sar   string
		ratio float64
	}{
		"4:3":             {320, 240, "1", 4. / 3},
		"D1":              {352, 288, "1", 11. / 9},
		"anamorphic 4:3":  {352, 288, "12/11", 4. / 3},
		"anamorphic 16:9": {352, 288, "16/11", 16. / 9},
		"upright":         {180, 320, "1", 9. / 16},
	} {
		t.Run(name, func(t *testing.T) { fitsLayers(t, c.w, c.h, c.sar, c.ratio) })
	}
}

// fitsLayers shows a main layer of 640x360, and a sub-layer with the given size, sample aspect ratio and display aspect ratio. Each
// takes over from the other while the picture is white.
func fitsLayers(t *testing.T, w, h int, sar string, ratio float64) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, mixer.View{NoLabels: true})
	awake(t, v, src)
	d := videoDecoder{cutouts: src.stills.cutouts}
	defer d.close()
	show := func(packets []mixer.Packet) {
		t.Helper()
		for _, p := range packets {
			if err := d.open(p.Codec); err != nil {
				t.Fatal(err)
			}
			if _, err := d.decode(p, src.slot.replace); err != nil {
				t.Fatal(err)
			}
		}
		v.draw(t)
	}
	film := func(w, h int, sar string) []mixer.Packet { // grows bright until the fifth frame
		return clip(t, fmt.Sprintf("color=white:size=%dx%d:rate=10:duration=0.8,fade=in:1:3,setsar=%s", w, h, sar), "-g", "5", "-bf", "0")
	}
	main, sub := film(640, 360, "1"), film(w, h, sar)
	for n, c := range []struct {
		from, to []mixer.Packet
		ratio    float64
	}{{sub, main, 16. / 9}, {main, sub, ratio}} {
		show(c.from[:3])
		show(c.from[3:])
		show(c.to[5:])
		if got := aspect(v.canvas); math.Abs(got-c.ratio) > 0.05 {
			t.Errorf("switch %d: the picture is %.2f wide to high, want %.2f", n, got, c.ratio)
		}
	}
}

// aspect returns the width of the bright part of f relative to its height, measured through the middle of f.
func aspect(f *codec.Frame) float64 {
	bright := func(r image.Rectangle) int {
		if f.Mean(r).Y > 150 {
			return 2
		}
		return 0
	}
	var wide, high int
	for x := 0; x < f.Width(); x += 2 {
		wide += bright(image.Rect(x, f.Height()/2, x+2, f.Height()/2+2))
	}
	for y := 0; y < f.Height(); y += 2 {
		high += bright(image.Rect(f.Width()/2, y, f.Width()/2+2, y+2))
	}
	return float64(wide) / float64(max(high, 1))
}
