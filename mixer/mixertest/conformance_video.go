package mixertest

import (
	"context"
	"image"
	"slices"
	"sync"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// whole is the size of the canvas.
func whole() mixer.Size { return mixer.Size{W: smallConfig().Width, H: smallConfig().Height} }

// publish adds a source that sends frames of one colour, with a keyframe each second.
func publish(r *rig, name string, id mixer.Codec, c hub.SourceConfig, colour codec.Colour) *hub.Source {
	c.Name = name
	s := r.AddSource(c)
	r.t.Cleanup(s.Close)
	film(r.t, func(p mixer.Packet) { s.WriteVideo(0, p) }, id, whole(), colour, 20)
	return s
}

func videoAsH264(t *testing.T, start hub.Start) { videoAs(t, start, mixer.H264) }
func videoAsVP8(t *testing.T, start hub.Start)  { videoAs(t, start, mixer.VP8) }

// videoAs tests a view of two sources, encoded with codec id: the packets, the layouts, the rendition and its rungs.
func videoAs(t *testing.T, start hub.Start, id mixer.Codec) {
	r := run(t, start, smallConfig())
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	publish(r, "b", mixer.VP8, hub.SourceConfig{}, green)
	v := watch(r, mixer.Watching{Codec: id})
	await(t, "both sources", func() bool { return v.shows(left, red) && v.shows(right, green) })
	n := v.count()
	await(t, "more packets", func() bool { return v.count() > n+10 })
	for _, p := range v.since(0) {
		if p.Codec != id || len(p.Boundaries) == 0 {
			t.Fatalf("a packet of %s with %d boundaries", p.Codec, len(p.Boundaries))
		}
	}
	l := v.layout()
	if l.Canvas != whole() || len(l.Tiles) != 2 || l.Tiles[0].ID != "a" || l.Tiles[1].ID != "b" {
		t.Errorf("the layout is %+v", l)
	}
	await(t, "both are live", func() bool { return slices.Equal(v.states(), []mixer.State{mixer.Live, mixer.Live}) })
	rendition := v.sub.Rendition()
	if rendition.Codec != id || rendition.Width != whole().W || rendition.Height != whole().H || rendition.Passed {
		t.Errorf("the rendition is %+v", rendition)
	}
	if rungs := v.sub.Rungs(); len(rungs) != 1 || rungs[0].Size != whole() || rungs[0].Bitrate <= 0 {
		t.Errorf("the rungs are %v", rungs)
	}
}

// oneEncoder tests that subscriptions to equal views share one rendition, and tests the statistics.
func oneEncoder(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	src := publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	first := watch(r, mixer.Watching{Codec: mixer.H264})
	await(t, "the first one sees it", func() bool { return first.shows(middle, red) })
	twin := mixer.View{Layout: mixer.KindGrid} // equal to MainView
	second := watch(r, mixer.Watching{Codec: mixer.H264, View: &twin})
	other := watch(r, mixer.Watching{Codec: mixer.VP8})
	await(t, "all see it", func() bool { return second.shows(middle, red) && other.shows(middle, red) })
	st := Stats(t, r.Hub)
	if len(st.Renditions) != 2 || st.Ticks == 0 {
		t.Fatalf("%d ticks, renditions %+v; want two", st.Ticks, st.Renditions)
	}
	for i, want := range []mixer.RenditionStats{{Codec: mixer.H264, Sinks: 2}, {Codec: mixer.VP8, Sinks: 1}} {
		if got := st.Renditions[i]; got.Codec != want.Codec || got.Sinks != want.Sinks || got.View != mixer.MainView || got.ID == 0 {
			t.Errorf("rendition %d is %+v, want %s for %d", i, got, want.Codec, want.Sinks)
		}
	}
	if len(st.Sources) != 1 || st.Sources[0].Source != src.ID() {
		t.Fatalf("the sources are %+v", st.Sources)
	}
	if got := st.Sources[0]; got.Name != "a" || got.ID != "a" || got.State != mixer.Live || !got.Decoded || got.VideoCodec != mixer.H264 || got.Width != whole().W {
		t.Errorf("the source is %+v", got)
	}
	await(t, "rates", func() bool {
		st := Stats(t, r.Hub)
		return st.Renditions[0].FPS > 1 && st.Renditions[0].Bitrate > 0 && st.Sources[0].FPS > 1 && st.Sources[0].Bitrate > 0
	})
	other.sub.Close()
	await(t, "the rendition ends with its last subscription", func() bool { return len(Stats(t, r.Hub).Renditions) == 1 })
}

// change tests moves to other views. The viewer decodes the whole stream, and checks that PTS rises.
func change(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	publish(r, "b", mixer.H264, hub.SourceConfig{}, green)
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	await(t, "both", func() bool { return v.shows(left, red) && v.shows(right, green) })
	for _, c := range []struct {
		view   mixer.View
		size   mixer.Size
		colour codec.Colour
	}{
		{mixer.View{Layout: mixer.KindFocus, Spotlight: "b"}, whole(), green},
		{mixer.View{Layout: mixer.KindFocus, Spotlight: "a", Width: 96, Height: 64}, mixer.Size{W: 96, H: 64}, red},
	} {
		n := v.count()
		if err := v.sub.Change(t.Context(), mixer.Watching{View: &c.view, Codec: mixer.VP8}); err != nil {
			t.Fatal(err)
		}
		await(t, "the new view", func() bool { return v.shows(middle, c.colour) && v.size() == c.size })
		packets := v.since(n - 1)
		for i, p := range packets[1:] {
			if gap := p.PTS - packets[i].PTS; gap > 2*time.Second {
				t.Errorf("nothing came for %v", gap)
			}
			if p.Codec != mixer.H264 {
				t.Errorf("the codec became %s", p.Codec)
			}
		}
		if !slices.ContainsFunc(packets, func(p mixer.Packet) bool { return p.Key }) {
			t.Error("no keyframe came")
		}
		if l := v.layout(); l.Canvas != c.size || len(l.Tiles) != 1 || l.Hidden != 1 {
			t.Errorf("the layout is %+v", l)
		}
	}
	await(t, "the old renditions end", func() bool { return len(Stats(t, r.Hub).Renditions) == 1 })
}

// namedViews tests SetView and DeleteView.
func namedViews(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	publish(r, "b", mixer.H264, hub.SourceConfig{}, green)
	set := func(v mixer.View) {
		t.Helper()
		if err := r.SetView("wall", v); err != nil {
			t.Fatal(err)
		}
	}
	set(mixer.View{Exclude: []string{"b"}})
	v := watch(r, mixer.Watching{Name: "wall", Codec: mixer.H264})
	await(t, "a alone", func() bool { return v.shows(middle, red) })
	if st := Stats(t, r.Hub); len(st.Renditions) != 1 || st.Renditions[0].View != "wall" {
		t.Errorf("renditions %+v, want one of the wall", st.Renditions)
	}
	set(mixer.View{Exclude: []string{"a"}, Width: 128, Height: 72})
	await(t, "b alone, in another size", func() bool { return v.shows(middle, green) && v.size() == mixer.Size{W: 128, H: 72} })
	if !r.DeleteView("wall") {
		t.Error("there was no such view")
	}
	await(t, "main", func() bool { return v.shows(left, red) && v.shows(right, green) && v.size() == whole() })
	if err := r.SetView(mixer.MainView, mixer.View{Exclude: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	await(t, "another main", func() bool { return v.shows(middle, red) })
	r.DeleteView(mixer.MainView)
	await(t, "main as it was", func() bool { return v.shows(left, red) && v.shows(right, green) })
}

// mutedAndAway tests the states of a source that is muted or away.
func mutedAndAway(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	src := publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	for _, c := range []struct {
		state       mixer.State
		muted, away bool
	}{{state: mixer.Live}, {state: mixer.Muted, muted: true}, {state: mixer.Live}, {state: mixer.Reconnecting, away: true}, {state: mixer.Live}} {
		src.SetMuted(c.muted, c.muted)
		src.SetAway(c.away)
		await(t, string(c.state), func() bool {
			return slices.Equal(v.states(), []mixer.State{c.state}) && v.shows(middle, red) == (c.state == mixer.Live)
		})
	}
}

// demands collects the demands of a source, and counts the requested keyframes.
type demands struct {
	mu        sync.Mutex
	newest    mixer.Demand
	keyframes int
}

func (d *demands) demanded(newest mixer.Demand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.newest = newest
}

func (d *demands) keyframe() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keyframes++
}

// becomes returns a function that reports whether the newest demand is want.
func (d *demands) becomes(want mixer.Demand) func() bool {
	return func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.newest == want
	}
}

func (d *demands) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.keyframes
}

// demand tests the demand for tiles of different sizes. Packets that cannot be decoded make the engine request keyframes, at most
// one a second.
func demand(t *testing.T, start hub.Start) {
	cfg := smallConfig()
	cfg.Width, cfg.Height, cfg.Rungs = 320, 180, []string{"180p"}
	r := run(t, start, cfg)
	var d demands
	began := time.Now()
	src := r.AddSource(hub.SourceConfig{SourceSpec: mixer.SourceSpec{Name: "a"}, KeyframeWanted: d.keyframe, Demanded: d.demanded})
	r.AddSource(hub.SourceConfig{SourceSpec: mixer.SourceSpec{Name: "b"}})
	grid := watch(r, mixer.Watching{Codec: mixer.H264})
	await(t, "half of the grid", d.becomes(mixer.Demand{Width: 160, Height: 90}))
	focus := watch(r, mixer.Watching{View: &mixer.View{Layout: mixer.KindFocus, Spotlight: "a"}, Codec: mixer.H264})
	await(t, "the whole canvas", d.becomes(mixer.Demand{Width: 320, Height: 180}))
	for range 50 {
		src.WriteVideo(0, mixer.Packet{Codec: mixer.H264, Data: []byte{0, 0, 0, 1, 0x41, 2, 3, 4, 5}})
	}
	await(t, "a keyframe is wanted", func() bool { return d.count() > 0 })
	focus.sub.Close()
	await(t, "half of the grid again", d.becomes(mixer.Demand{Width: 160, Height: 90}))
	grid.sub.Close()
	await(t, "nothing", d.becomes(mixer.Demand{}))
	if most := int(time.Since(began)/time.Second) + 2; d.count() > most {
		t.Errorf("%d keyframes were wanted in %v, want one a second", d.count(), time.Since(began))
	}
}

// simulcastLayers tests that the layer that the engine uses fits the size of the tile.
func simulcastLayers(t *testing.T, start hub.Start) {
	cfg := smallConfig()
	cfg.Width, cfg.Height, cfg.Rungs = 640, 360, []string{"360p"}
	r := run(t, start, cfg)
	var d demands
	src := r.AddSource(hub.SourceConfig{SourceSpec: mixer.SourceSpec{Name: "a", Layers: 2}, Demanded: d.demanded})
	film(t, func(p mixer.Packet) { src.WriteVideo(0, p) }, mixer.H264, mixer.Size{W: 640, H: 360}, red, 10)
	film(t, func(p mixer.Packet) { src.WriteVideo(1, p) }, mixer.H264, mixer.Size{W: 160, H: 90}, green, 10)
	src.WriteVideo(2, mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte{0, 0, 0, 1, 0x65}})
	tiny := mixer.View{Layout: mixer.KindCustom, Tiles: []mixer.Fraction{{X: 0.25, Y: 0.25, W: 0.25, H: 0.25}}, NoLabels: true}
	v := watch(r, mixer.Watching{View: &tiny, Codec: mixer.H264})
	tile := image.Rect(30, 30, 45, 40)
	await(t, "the small layer on a small tile", func() bool {
		return v.shows(tile, green) && d.becomes(mixer.Demand{Width: 160, Height: 90, Layer: 1})()
	})
	if err := v.sub.Change(t.Context(), mixer.Watching{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the large layer on a large tile", func() bool {
		return v.shows(middle, red) && d.becomes(mixer.Demand{Width: 640, Height: 360})()
	})
	if st := Source(t, r.Hub, src.ID()); st.Layer != 0 || st.Width != 640 || st.Invalid != 0 {
		t.Errorf("the source is %+v", st)
	}
}

// keyframesOnRequest tests that one keyframe answers the requests of several subscriptions within half a second.
func keyframesOnRequest(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	first, second := watch(r, mixer.Watching{Codec: mixer.H264}), watch(r, mixer.Watching{Codec: mixer.H264})
	await(t, "both see it", func() bool { return first.shows(middle, red) && second.shows(middle, red) })
	n := first.count()
	for range 10 {
		first.sub.RequestKeyframe()
		second.sub.RequestKeyframe()
	}
	await(t, "a keyframe", func() bool { return slices.ContainsFunc(first.since(n), func(p mixer.Packet) bool { return p.Key }) })
	var keys []time.Duration
	for _, p := range first.since(0) {
		if p.Key {
			keys = append(keys, p.PTS)
		}
	}
	for i, pts := range keys[1:] {
		if gap := pts - keys[i]; gap < 400*time.Millisecond {
			t.Errorf("a keyframe %v after another", gap)
		}
	}
}

// sourceCloses tests that a closed source loses its tile.
func sourceCloses(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	a := publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	publish(r, "b", mixer.H264, hub.SourceConfig{}, green)
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	await(t, "both", func() bool { return v.shows(left, red) && v.shows(right, green) })
	a.Close()
	a.Close()
	a.WriteVideo(0, mixer.Packet{Codec: mixer.H264, Key: true})
	await(t, "the other one alone", func() bool { return v.shows(middle, green) && len(v.layout().Tiles) == 1 })
	if st := Stats(t, r.Hub); len(st.Sources) != 1 || st.Sources[0].Name != "b" {
		t.Errorf("the sources are %+v", st.Sources)
	}
}

// overload tests that an encoder that is much too slow for its view raises the level of overload.
func overload(t *testing.T, start hub.Start) {
	cfg := smallConfig()
	cfg.Width, cfg.Height, cfg.FPS, cfg.Preset, cfg.Rungs, cfg.Bitrate = 1920, 1080, 60, "placebo", []string{"1080p"}, 20_000_000
	r := run(t, start, cfg)
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	publish(r, "b", mixer.H264, hub.SourceConfig{}, green)
	sub, err := r.Watch(context.Background(), mixer.Watching{Codec: mixer.H264}, discard{})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	await(t, "a level of overload", func() bool { return r.Overload() > 0 })
	if st := Stats(t, r.Hub); st.Overload < 1 {
		t.Errorf("the statistics say %d", st.Overload)
	}
}

// discard is a sink that ignores its packets.
type discard struct{}

func (discard) WritePacket(hub.Packet) {}
