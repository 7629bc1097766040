package engine

import (
	"fmt"
	"image"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
	"azulejo/mixer/engine/pcm"
)

func TestTilesComeAndGo(t *testing.T) {
	m := start(t, small)
	s, _ := watch(t, m, mixer.H264)
	eventually(t, 4*time.Second, "an empty room emits", func() bool { return s.count() > 1 })

	a := m.AddSource(SourceConfig{Name: "a"})
	publish(t, a, mixer.H264, 320, 180, red)
	eventually(t, time.Second, "one source fills the canvas", func() bool { return near(s.mean(image.Rect(100, 40, 220, 100)), red) })

	b := m.AddSource(SourceConfig{Name: "정문"})
	stop := publish(t, b, mixer.VP8, 160, 90, green)
	left, right := image.Rect(40, 60, 120, 90), image.Rect(200, 60, 280, 90)
	eventually(t, time.Second, "two sources side by side", func() bool { return near(s.mean(left), red) && near(s.mean(right), green) })

	stop()
	eventually(t, 3*time.Second, "a source that stopped is a placeholder", func() bool { return !near(s.mean(right), green) })
	if !near(s.mean(left), red) {
		t.Error("the other tile has changed")
	}
	if st := b.Stats().State; st != mixer.Lost {
		t.Errorf("state %s, want %s", st, mixer.Lost)
	}
	publish(t, b, mixer.VP8, 160, 90, green)
	eventually(t, time.Second, "it comes back by itself", func() bool { return near(s.mean(right), green) })

	b.SetMuted(false, true)
	eventually(t, time.Second, "muted video is a placeholder", func() bool { return !near(s.mean(right), green) })
	a.Close()
	b.SetMuted(false, false)
	eventually(t, time.Second, "the last source fills the canvas", func() bool { return near(s.mean(image.Rect(100, 40, 220, 100)), green) })
}

func TestPortraitIsFittedNotCropped(t *testing.T) {
	m := start(t, small)
	s, _ := watch(t, m, mixer.H264)
	publish(t, m.AddSource(SourceConfig{Name: "tall"}), mixer.H264, 90, 160, blue)
	eventually(t, 2*time.Second, "frame in the middle", func() bool { return near(s.mean(image.Rect(125, 10, 195, 120)), blue) })
	if got := s.mean(image.Rect(0, 0, 90, 180)); !near(got, bars) {
		t.Errorf("beside it is %v, want the bars %v", got, bars)
	}
}

func TestSizeAndFormatChangeMidStream(t *testing.T) {
	m := start(t, small)
	s, _ := watch(t, m, mixer.H264)
	src := m.AddSource(SourceConfig{Name: "a"})
	for i, c := range []codec.Colour{codec.RGB(200, 20, 20), codec.RGB(20, 160, 40), codec.RGB(30, 40, 200)} {
		stop := publish(t, src, []mixer.Codec{mixer.H264, mixer.VP8, mixer.H264}[i], []int{320, 640, 160}[i], []int{180, 360, 90}[i], c)
		eventually(t, 2*time.Second, "the new stream is shown", func() bool { return near(s.mean(image.Rect(100, 40, 220, 100)), c) })
		stop()
	}
}

func TestOneEncoderForAllWatchers(t *testing.T) {
	m := start(t, small)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, codec.RGB(200, 20, 20))
	a, _ := watch(t, m, mixer.H264)
	eventually(t, 2*time.Second, "packets for the first watcher", func() bool { return a.count() > 15 })
	b, sub := watch(t, m, mixer.H264)
	watch(t, m, mixer.VP8)
	eventually(t, 2*time.Second, "packets for the second watcher", func() bool { return b.count() > 2 })
	if !b.packets[0].Key {
		t.Error("a watcher did not start with a keyframe")
	}
	if n := len(m.Stats().Renditions); n != 2 {
		t.Errorf("%d renditions for two formats", n)
	}
	sub.Close()
	n := b.count()
	at := a.count()
	eventually(t, time.Second, "the other goes on", func() bool { return a.count() > at+3 })
	if b.count() != n {
		t.Error("packets after Close")
	}
}

func TestKeyframesLieOnMultiplesOfTheGOP(t *testing.T) {
	cfg := small
	cfg.GOP = time.Second
	m := start(t, cfg)
	if ns := m.Epoch().UnixNano() % int64(time.Second); ns != 0 {
		t.Errorf("epoch is %d ns off", ns)
	}
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, codec.RGB(200, 20, 20))
	s := attend(t, m, mixer.Watching{Codec: mixer.H264, Keep: true}, nil)
	for range 20 {
		s.sub.RequestKeyframe()
	}
	eventually(t, 5*time.Second, "three seconds of frames", func() bool { return s.count() > 60 })
	s.mu.Lock()
	defer s.mu.Unlock()
	requested := 0
	for i, p := range s.packets[1:] {
		if gop := p.PTS/time.Second != s.packets[i].PTS/time.Second; gop && !p.Key {
			t.Errorf("frame at %v starts a GOP but is no keyframe", p.PTS)
		} else if p.Key && !gop {
			requested++
		}
	}
	if requested > 2 {
		t.Errorf("%d keyframes for one burst of requests", requested)
	}
}

// TestKeyframesComeWithTheRecording: viewers get only requested keyframes. While a recording runs, each GOP has one.
func TestKeyframesComeWithTheRecording(t *testing.T) {
	cfg := small
	cfg.GOP = 500 * time.Millisecond
	m := start(t, cfg)
	publish(t, m.AddSource(SourceConfig{Name: "a"}), mixer.H264, 320, 180, codec.RGB(200, 20, 20))
	s := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
	keys := func() (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, p := range s.packets {
			if p.Key && p.PTS%(viewerGOPs*cfg.GOP) != 0 {
				n++
			}
		}
		return n
	}
	eventually(t, 10*time.Second, "two seconds of frames", func() bool { return s.count() > 40 })
	if n := keys(); n > 1 {
		t.Errorf("%d keyframes in two seconds, only the first was requested", n)
	}
	rec := attend(t, m, mixer.Watching{Codec: mixer.H264, Keep: true}, nil)
	before := keys()
	eventually(t, 10*time.Second, "keyframes while it is recorded", func() bool { return keys() > before+3 })
	rec.sub.Close()
	n, before := s.count(), keys()
	eventually(t, 10*time.Second, "two more seconds", func() bool { return s.count() > n+40 })
	if after := keys(); after > before+1 {
		t.Errorf("%d keyframes after the recording", after-before)
	}
}

func TestInvalidPacketsDoNotDisturbOtherSources(t *testing.T) {
	m := start(t, small)
	s, _ := watch(t, m, mixer.H264)
	publish(t, m.AddSource(SourceConfig{Name: "good"}), mixer.H264, 320, 180, red)
	requested := make(chan struct{}, 100)
	bad := m.AddSource(SourceConfig{Name: "bad", KeyframeWanted: func() { requested <- struct{}{} }})
	for i := range 200 {
		bad.WriteVideo(mixer.Packet{Codec: mixer.H264, Key: i%2 == 0, Data: []byte{0, 0, 0, 1, 0x65, byte(i), 3, 4, 5}})
		bad.WriteVideo(mixer.Packet{Codec: "nonsense", Key: true, Data: []byte{1}})
		bad.WriteAudio(mixer.Packet{Codec: "nonsense", Data: []byte{1}})
	}
	eventually(t, 2*time.Second, "the good one is shown", func() bool { return near(s.mean(image.Rect(40, 60, 120, 90)), red) })
	eventually(t, 2*time.Second, "the bad one is counted", func() bool { return bad.Stats().Invalid > 0 })
	if n := len(requested); n < 1 || n > 3 {
		t.Errorf("%d requests for a keyframe, want one a second", n)
	}
}

// TestNobodyHearsThemselves runs under a fake clock, because audio that a busy machine sends late has gaps.
func TestNobodyHearsThemselves(t *testing.T) { synctest.Test(t, nobodyHearsThemselves) }

func nobodyHearsThemselves(t *testing.T) {
	m := start(t, small)
	tones := []float64{440, 1000, 2300}
	ears := make([]*ear, 4)
	for i, hz := range tones {
		src := m.AddSource(SourceConfig{Name: "singer"})
		sing(t, src, hz)
		ears[i] = listen(t, m, mixer.Opus, src)
	}
	ears[3] = listen(t, m, mixer.AAC, nil)
	const second = mixer.SampleRate * mixer.Channels
	for i, e := range ears {
		eventually(t, 10*time.Second, "two seconds of audio", func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.pcm) > 2*second })
		e.mu.Lock()
		last := e.pcm[len(e.pcm)-second:]
		for j, hz := range tones {
			got := pcm.Goertzel(last, mixer.SampleRate, hz)
			loud := pcm.Goertzel(last, mixer.SampleRate, tones[(i+1)%3])
			if i == j && loud-got < 30 {
				t.Errorf("singer %d hears itself only %.0f dB below another", i, loud-got)
			}
			if i != j && math.Abs(loud-got) > 3 {
				t.Errorf("listener %d hears tone %d %.0f dB off another", i, j, loud-got)
			}
		}
		for k, p := range e.packets[1:] {
			if d := p.PTS - e.packets[k].PTS - e.packets[k].Duration; d.Abs() > time.Microsecond {
				t.Errorf("listener %d: packet %d comes %v after the end of the one before", i, k, d)
				break
			}
		}
		e.mu.Unlock()
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	m := start(t, small)
	if _, err := m.Watch(mixer.Watching{Name: "garden", Codec: mixer.H264}, &screen{}); err == nil {
		t.Error("a view that does not exist was watched")
	}
	if _, err := m.Watch(mixer.Watching{Codec: mixer.Opus}, &screen{}); err == nil {
		t.Error("video as opus was accepted")
	}
	if _, err := m.Listen(mixer.H264, nil, &ear{}); err == nil {
		t.Error("audio as h264 was accepted")
	}
	for _, cfg := range []mixer.Config{{Width: 33}, {Height: 10_000}, {FPS: 500}, {Bitrate: 1}, {GOP: time.Hour}, {MaxPixels: 1}} {
		if _, err := New(cfg, func(mixer.Event) {}, slog.Default()); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

func TestTooLargeFramesAreNotShown(t *testing.T) {
	cfg := small
	cfg.MaxPixels = 320 * 180
	m := start(t, cfg)
	watch(t, m, mixer.H264)
	src := m.AddSource(SourceConfig{Name: "huge"})
	stop := publish(t, src, mixer.H264, 640, 360, codec.RGB(200, 20, 20))
	eventually(t, 2*time.Second, "it is counted", func() bool { return src.Stats().Dropped > 2 })
	if st := src.Stats().State; st != mixer.Connecting {
		t.Errorf("state %s, want %s", st, mixer.Connecting)
	}
	const detail = "640×360 is more than limits.source_pixels (57600)"
	eventually(t, 2*time.Second, "the reason is told", func() bool {
		st := src.Stats()
		return st.Reason == mixer.ReasonTooLarge && st.Detail == detail
	})
	stop()
	publish(t, src, mixer.H264, 320, 180, codec.RGB(200, 20, 20))
	eventually(t, 2*time.Second, "frames of exactly the limit are shown", func() bool { return src.Stats().State == mixer.Live })
	eventually(t, 2*time.Second, "there is no trouble", func() bool { return src.Stats().Reason == "" })
}

func TestLateTicksAreSkippedButNotTheFirstOfAGOP(t *testing.T) {
	cfg := mixer.Config{FPS: 25, GOP: 4 * time.Second}
	at := func(ticks int64) *view { // a view for which that many ticks are due
		epoch := time.Now().Add(-time.Duration(ticks)*40*time.Millisecond - 10*time.Millisecond)
		return &view{engine: &Engine{cfg: cfg}, cadence: cadence{epoch: epoch, rate: 25, per: time.Second}}
	}
	for _, c := range []struct{ due, n, want int64 }{
		{50, 50, 50},     // in time
		{53, 50, 53},     // late: skipped
		{103, 99, 100},   // late across the start of a GOP
		{103, 100, 100},  // the first tick of the GOP is late
		{103, 101, 103},  // the first tick of the GOP was composed
		{1030, 99, 1000}, // after a long sleep: only the newest GOP counts
	} {
		if got := at(c.due).newest(c.n); got != c.want {
			t.Errorf("tick %d when %d is due: composed %d, want %d", c.n, c.due, got, c.want)
		}
	}
}

func TestCadenceIsExact(t *testing.T) {
	c := cadence{rate: 15, per: time.Second}
	for _, n := range []int64{0, 1, 14, 15, 15*3600*24*365*10 + 7} {
		if got, want := c.timeOf(n), time.Duration(n/15)*time.Second+time.Duration(n%15)*time.Second/15; got != want {
			t.Errorf("tick %d at %v, want %v", n, got, want)
		}
	}
}

func TestACanvasForARenditionThatEndsIsFreed(t *testing.T) {
	before := codec.LiveFrames()
	canvas := func() *codec.Frame {
		f, err := codec.NewFrame(320, 180)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	v := &view{
		engine: &Engine{cfg: small.WithDefaults(), governor: newGovernor(), emit: func(mixer.Event) {}}, log: slog.New(slog.DiscardHandler), holders: 100, spec: mixer.View{Width: 320, Height: 180, FPS: 25},
		cadence: cadence{rate: 25, per: time.Second},
	}
	for range 50 {
		r, err := newVideoRendition(v.engine, videoKey{codec: mixer.H264, size: mixer.Size{W: 320, H: 180}}, v)
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		go func() { defer close(closed); r.close() }()
		for range 3 {
			r.submit(canvasFrame{frame: canvas()})
		}
		<-closed
		r.submit(canvasFrame{frame: canvas()})
	}
	if n := codec.LiveFrames() - before; n != 0 {
		t.Errorf("%d canvases were not closed", n)
	}
}

// TestUnusualFramesAreShownAndDoNotDisturbOthers sends interlaced frames, and frames with an unknown colour matrix. The
// scaler refuses them unless their properties are changed.
func TestUnusualFramesAreShownAndDoNotDisturbOthers(t *testing.T) {
	m := start(t, small)
	s, _ := watch(t, m, mixer.H264)
	publish(t, m.AddSource(SourceConfig{Name: "good"}), mixer.H264, 320, 180, red)
	odd := m.AddSource(SourceConfig{Name: "odd"})
	for _, params := range []string{"interlaced=1", "colormatrix=YCgCo:transfer=smpte2084", "colormatrix=chroma-derived-nc"} {
		for _, p := range clip(t, "color=blue:size=320x180:rate=10:duration=0.5", "-x264-params", params, "-bf", "0") {
			odd.WriteVideo(p)
		}
		before := s.count()
		eventually(t, 2*time.Second, params+": the odd one is shown", func() bool {
			c := s.mean(image.Rect(200, 60, 280, 90))
			return odd.Stats().State == mixer.Live && c.U > 150
		})
		eventually(t, 2*time.Second, params+": frames go on", func() bool { return s.count() > before+3 })
		if !near(s.mean(image.Rect(40, 60, 120, 90)), red) {
			t.Errorf("%s: the other tile has changed", params)
		}
	}
}

// clip encodes a source of ffmpeg as H.264.
func clip(t *testing.T, source string, options ...string) []mixer.Packet {
	t.Helper()
	return codectest.Film(t, source, append([]string{"-pix_fmt", "yuv420p"}, options...)...)
}

func TestMoreSourcesThanTiles(t *testing.T) {
	m := start(t, small)
	s, _ := watch(t, m, mixer.H264)
	var first *publisher
	for i := range 70 {
		src := m.AddSource(SourceConfig{Name: "x"})
		if i == 0 {
			first = src
		}
	}
	eventually(t, 3*time.Second, "a full canvas is shown", func() bool { return s.count() > 0 })
	if n := len(m.Stats().Sources); n != 70 {
		t.Errorf("%d sources", n)
	}
	publish(t, first, mixer.H264, 320, 180, red)
	r := layout.Grid(mixer.DefaultCapacity, small.Width, small.Height)[0]
	eventually(t, 2*time.Second, "the first tile shows its source", func() bool {
		return near(s.mean(image.Rect(r.X+8, r.Y+4, r.X+r.W-8, r.Y+10)), red)
	})
}

// TestNamesAreDrawn looks for bright pixels: a name on a frame and on a placeholder, in Latin and Korean script.
func TestNamesAreDrawn(t *testing.T) {
	for _, name := range []string{"Gate", "정문"} {
		for _, labels := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %v", name, labels), func(t *testing.T) {
				cfg := small
				cfg.Labels = labels
				m := start(t, cfg)
				s, _ := watch(t, m, mixer.H264)
				src := m.AddSource(SourceConfig{Name: name})
				eventually(t, 2*time.Second, "the placeholder with its name", func() bool {
					return s.bright(image.Rect(80, 40, 240, 140)) > 20
				})
				navy := codec.RGB(10, 20, 120)
				publish(t, src, mixer.H264, 320, 180, navy)
				eventually(t, 2*time.Second, "the frame", func() bool { return near(s.mean(image.Rect(100, 20, 220, 100)), navy) })
				if n := s.bright(image.Rect(0, 150, 120, 180)); (n > 3) != labels {
					t.Errorf("%d bright spots in the corner", n)
				}
			})
		}
	}
}
