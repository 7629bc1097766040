package mixertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// requestErrors tests the errors of the hub's requests. Their texts and sentinel errors come from the engine.
func requestErrors(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	await(t, "it is seen", func() bool { return v.shows(middle, red) })
	for name, c := range map[string]struct {
		watching mixer.Watching
		sentinel error // nil: the error must be none of the sentinels
		text     string
	}{
		"unknown view": {mixer.Watching{Name: "hall", Codec: mixer.H264}, mixer.ErrNoView, `"hall"`},
		"no video":     {mixer.Watching{Codec: mixer.Opus}, mixer.ErrUnsupported, "accepted are h264, vp8"},
		"not encoded":  {mixer.Watching{Codec: mixer.AV1}, mixer.ErrUnsupported, "accepted are h264, vp8"},
		"bad rung":     {mixer.Watching{Codec: mixer.H264, Rung: "many"}, nil, `"many"`},
		"bad view":     {mixer.Watching{Codec: mixer.H264, View: &mixer.View{Layout: "heap"}}, nil, `"heap"`},
	} {
		sub, err := r.Watch(t.Context(), c.watching, discard{})
		if sub != nil || !matches(err, c.sentinel, c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if errors.Is(c.sentinel, mixer.ErrUnsupported) {
			continue // Change ignores the codec
		}
		if err = v.sub.Change(t.Context(), c.watching); !matches(err, c.sentinel, c.text) {
			t.Errorf("change, %s: %v", name, err)
		}
	}
	if _, err := r.Listen(t.Context(), mixer.H264, 0, discard{}); !matches(err, mixer.ErrUnsupported, "accepted are opus, aac") {
		t.Errorf("listen: %v", err)
	}
	n := v.count()
	await(t, "nothing has changed", func() bool { return v.count() > n+5 && v.shows(middle, red) })
	if st := Stats(t, r.Hub).Renditions; len(st) != 1 || st[0].Sinks != 1 {
		t.Errorf("the renditions are %+v", st)
	}
	v.sub.Close()
	if err := v.sub.Change(t.Context(), mixer.Watching{}); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("change after Close: %v", err)
	}
}

// matches reports whether err contains text and is want, a sentinel error. If want is nil, err must be none of the sentinels.
func matches(err, want error, text string) bool {
	if err == nil || !strings.Contains(err.Error(), text) {
		return false
	}
	for _, sentinel := range []error{mixer.ErrNoView, mixer.ErrUnsupported, mixer.ErrClosed} {
		if errors.Is(err, sentinel) != errors.Is(want, sentinel) {
			return false
		}
	}
	return true
}

// commandErrors sends commands with unknown numbers or names, which a hub would not send, and tests the errors of requests.
func commandErrors(t *testing.T, start hub.Start) {
	r := runRaw(t, start)
	for _, c := range []mixer.Command{
		mixer.RemoveSource{Source: 99},
		mixer.MuteSource{Source: 99},
		mixer.SetAway{Source: 99},
		mixer.RequestSourceKeyframe{Source: 99},
		mixer.WriteVideo{Source: 99, Packet: mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte{1}}},
		mixer.WriteAudio{Source: 99, Packet: mixer.Packet{Codec: mixer.Opus, Data: []byte{1}}},
		mixer.Leave{Subscription: 99, Rendition: 99},
		mixer.Unsubscribe{Subscription: 99},
		mixer.RequestKeyframe{Rendition: 99},
		mixer.SetPassthrough{Rendition: 99, Offer: 1, Active: true},
		mixer.DeleteView{Name: "hall"},
		mixer.SetView{Name: "bad", View: mixer.View{Layout: "heap"}},
		mixer.CloseFeed{Feed: 99},
		mixer.RequestFeedKeyframe{Feed: 99},
		mixer.Watch{Subscription: 50, Watching: mixer.Watching{Name: "hall", Codec: mixer.H264}}, // request zero gets no answer
	} {
		r.Send(c)
	}
	video := mixer.Watching{Codec: mixer.H264}
	for i, c := range []struct {
		command func(mixer.RequestID) mixer.Command
		want    error
	}{
		{func(id mixer.RequestID) mixer.Command { return listenTo(id, 1) }, nil},
		{func(id mixer.RequestID) mixer.Command { return changeTo(id, 1, video) }, mixer.ErrUnsupported},
		{func(id mixer.RequestID) mixer.Command { return watchAs(id, 2, video) }, nil},
		{func(id mixer.RequestID) mixer.Command { return changeTo(id, 2, video) }, nil},
		{func(id mixer.RequestID) mixer.Command { return changeTo(id, 2, mixer.Watching{Name: "bad"}) }, mixer.ErrNoView},
		{func(id mixer.RequestID) mixer.Command { return changeTo(id, 50, video) }, mixer.ErrClosed},
		{func(id mixer.RequestID) mixer.Command {
			r.Send(mixer.Unsubscribe{Subscription: 2})
			return changeTo(id, 2, video)
		}, mixer.ErrClosed},
		{func(id mixer.RequestID) mixer.Command {
			r.Send(mixer.Unsubscribe{Subscription: 1})
			return changeTo(id, 1, video)
		}, mixer.ErrClosed},
	} {
		id := mixer.RequestID(i + 1)
		if err := r.ask(id, c.command(id)); !errors.Is(err, c.want) {
			t.Errorf("request %d: %v, want %v", id, err, c.want)
		}
	}
	r.end()
	for i, c := range []mixer.Command{watchAs(100, 3, video), changeTo(101, 3, video), listenTo(102, 4), mixer.GetStats{Request: 103}} {
		if err := r.ask(mixer.RequestID(100+i), c); !errors.Is(err, mixer.ErrClosed) {
			t.Errorf("request %d after the end: %v", 100+i, err)
		}
	}
}

// thereAndBack tests a Leave for a rendition that the engine has assigned again meanwhile. The subscription keeps the rendition
// and gets a keyframe.
func thereAndBack(t *testing.T, start hub.Start) {
	r := runRaw(t, start)
	first, second := mixer.Watching{Codec: mixer.H264}, mixer.Watching{Codec: mixer.H264, View: &mixer.View{Width: 96, Height: 64}}
	for i, c := range []mixer.Command{watchAs(1, 1, first), changeTo(2, 1, second), changeTo(3, 1, first)} {
		if err := r.ask(mixer.RequestID(i+1), c); err != nil {
			t.Fatal(err)
		}
	}
	var assigned []mixer.RenditionID
	for _, e := range r.events.snapshot() {
		if a, ok := e.(mixer.Assigned); ok {
			assigned = append(assigned, a.Rendition)
		}
	}
	if len(assigned) != 3 || assigned[0] != assigned[2] || assigned[0] == assigned[1] {
		t.Fatalf("the renditions are %v", assigned)
	}
	await(t, "the first keyframe", func() bool { return r.events.keyframes(assigned[0]) == 1 })
	r.Send(mixer.Leave{Subscription: 1, Rendition: assigned[0]})
	await(t, "another keyframe", func() bool { return r.events.keyframes(assigned[0]) == 2 })
	r.Send(mixer.Leave{Subscription: 1, Rendition: assigned[1]})
	await(t, "the other one ends", func() bool { return r.events.ended() == 1 })
}

// keyframes returns how many keyframes of a rendition were delivered.
func (l *eventLog) keyframes(id mixer.RenditionID) (n int) {
	for _, e := range l.snapshot() {
		d, ok := e.(mixer.Delivery)
		if ok && d.Rendition == id && slices.ContainsFunc(d.Packets, func(p mixer.Packet) bool { return p.Key }) {
			n++
		}
	}
	return n
}

func watchAs(id mixer.RequestID, sub mixer.SubscriptionID, w mixer.Watching) mixer.Command {
	return mixer.Watch{Request: id, Subscription: sub, Watching: w}
}

func changeTo(id mixer.RequestID, sub mixer.SubscriptionID, w mixer.Watching) mixer.Command {
	return mixer.Change{Request: id, Subscription: sub, Watching: w}
}

func listenTo(id mixer.RequestID, sub mixer.SubscriptionID) mixer.Command {
	return mixer.Listen{Request: id, Subscription: sub, Codec: mixer.Opus}
}

// sharesNoMemory tests that the caller may change a View after it was passed to Watch or Change.
func sharesNoMemory(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	publish(r, "b", mixer.H264, hub.SourceConfig{}, green)
	view := mixer.View{Exclude: []string{"b"}}
	v := watch(r, mixer.Watching{View: &view, Codec: mixer.H264})
	view.Exclude[0], view.Width, view.Height = "a", 96, 64
	await(t, "a alone", func() bool { return v.shows(middle, red) })
	if err := v.sub.Change(t.Context(), mixer.Watching{View: &view}); err != nil {
		t.Fatal(err)
	}
	view.Exclude[0] = "b"
	await(t, "b alone", func() bool { return v.shows(middle, green) && v.size() == mixer.Size{W: 96, H: 64} })
}

// testPattern tests a feed: a test pattern whose packets are written to a source.
func testPattern(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	spec, err := mixer.ParseFeed("Gate", "test:?w=128&h=72&fps=10&tone=500")
	if err != nil {
		t.Fatal(err)
	}
	src := addNamed(r, "Gate")
	f := openFeed(r, spec, func(p mixer.Packet) {
		if p.Codec.IsVideo() {
			src.WriteVideo(0, p)
		} else {
			src.WriteAudio(p)
		}
	})
	ear := listen(r, mixer.Opus, 0)
	await(t, "packets", func() bool { keys, frames := f.count(); return keys == 1 && frames > 3 })
	f.refresh <- struct{}{}
	await(t, "a keyframe", func() bool { keys, _ := f.count(); return keys > 1 })
	if gap := f.keyframeGap(); gap > 3*time.Second { // without a request, a keyframe comes every 4 s
		t.Errorf("the second keyframe comes %v after the first one", gap)
	}
	await(t, "it is seen", func() bool {
		st := Source(t, r.Hub, src.ID())
		return st.State == mixer.Live && st.Width == 128 && st.Height == 72 && st.VideoCodec == mixer.H264
	})
	await(t, "it is heard", func() bool { return ear.hears(500, 750) })
	f.cancel()
	if err := <-f.ended; err != nil {
		t.Errorf("the feed ended with %v", err)
	}
	_, n := f.count()
	Stats(t, r.Hub) // waits until the engine has handled all earlier commands
	if _, after := f.count(); after != n {
		t.Errorf("%d packets after the end", after-n)
	}
}

// brokenFeed tests a feed whose file is missing. The error names the file, and the engine continues.
func brokenFeed(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	f := openFeed(r, mixer.FeedSpec{Name: "Gate", File: "/no/such/file.mp4"}, func(mixer.Packet) {})
	if err := <-f.ended; !matches(err, nil, "/no/such/file.mp4") {
		t.Errorf("the feed ended with %v", err)
	}
	Stats(t, r.Hub)
}

// feedCounter counts the video packets of a feed.
type feedCounter struct {
	cancel  context.CancelFunc // stops the feed
	refresh chan struct{}      // requests a keyframe
	ended   chan error         // gets the result of Feed.Run

	mu     sync.Mutex
	frames int
	keys   []time.Duration // PTS of the keyframes
}

// openFeed plays a feed until its end, or the end of the test. out gets the packets.
func openFeed(r *rig, spec mixer.FeedSpec, out func(mixer.Packet)) *feedCounter {
	ctx, cancel := context.WithCancel(context.Background())
	f := &feedCounter{cancel: cancel, refresh: make(chan struct{}), ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.ended <- r.OpenFeed(spec).Run(ctx, func(p mixer.Packet) { f.add(p); out(p) }, f.refresh)
	}()
	r.t.Cleanup(func() { cancel(); <-done })
	return f
}

func (f *feedCounter) add(p mixer.Packet) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !p.Codec.IsVideo() {
		return
	}
	f.frames++
	if p.Key {
		f.keys = append(f.keys, p.PTS)
	}
}

func (f *feedCounter) count() (keys, frames int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.keys), f.frames
}

// keyframeGap returns the time from the first keyframe to the second.
func (f *feedCounter) keyframeGap() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys[1] - f.keys[0]
}

// theEnd ends the engine while everything runs. Later requests fail with mixer.ErrClosed, and no packets come any more.
func theEnd(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	src := publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	sing(t, src, 440)
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	passed := watch(r, mixer.Watching{View: onlyA(), Codec: mixer.H264, Profile: 66})
	ear := listen(r, mixer.Opus, src.ID())
	f := openFeed(r, mixer.FeedSpec{Name: "b", Pattern: mixer.Pattern{Width: 64, Height: 64, FPS: 5, Tone: 500}}, func(mixer.Packet) {})
	await(t, "all run", func() bool {
		_, frames := f.count()
		return v.shows(middle, red) && passed.sub.Rendition().Passed && frames > 0
	})
	r.end()
	select {
	case err := <-f.ended:
		t.Logf("the feed ended with %v", err)
	case <-time.After(limit):
		t.Fatal("the feed has not ended")
	}
	n, m := v.count(), passed.count()
	src.WriteVideo(0, mixer.Packet{Codec: mixer.H264, Key: true})
	v.sub.RequestKeyframe()
	if _, err := r.Stats(t.Context()); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("statistics: %v", err)
	}
	if _, err := r.Watch(t.Context(), mixer.Watching{Codec: mixer.H264}, discard{}); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("watch: %v", err)
	}
	if _, err := r.Listen(t.Context(), mixer.Opus, 0, discard{}); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("listen: %v", err)
	}
	if err := v.sub.Change(t.Context(), mixer.Watching{}); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("change: %v", err)
	}
	if err := r.OpenFeed(mixer.FeedSpec{}).Run(t.Context(), func(mixer.Packet) {}, nil); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("a feed: %v", err)
	}
	ear.sub.Close()
	if v.count() != n || passed.count() != m {
		t.Error("packets came after the end")
	}
}

// orderOfEvents tests that a rendition ends when no subscription holds it any more. checkOrder checks the events of this case, and
// of every other case that uses a rig.
func orderOfEvents(t *testing.T, start hub.Start) {
	r := run(t, start, smallConfig())
	a := publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	sing(t, a, 440)
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	p := watch(r, mixer.Watching{View: onlyA(), Codec: mixer.H264, Profile: 66})
	all, without := listen(r, mixer.Opus, 0), listen(r, mixer.Opus, a.ID())
	await(t, "all run", func() bool {
		_, ok := without.level(440)
		return v.shows(middle, red) && p.sub.Rendition().Passed && all.hears(440, 1000) && ok
	})
	if err := v.sub.Change(t.Context(), mixer.Watching{View: &mixer.View{Width: 96, Height: 64}}); err != nil {
		t.Fatal(err)
	}
	await(t, "it changes", func() bool { return v.size() == mixer.Size{W: 96, H: 64} })
	p.sub.Close()
	all.sub.Close()
	await(t, "two renditions are left", func() bool { return len(Stats(t, r.Hub).Renditions) == 2 })
	await(t, "three have ended", func() bool { return r.events.ended() == 3 })
}

// checkOrder checks the order of the events of one engine, as mixer/seam.go describes it.
func checkOrder(t *testing.T, events []mixer.Event) {
	t.Helper()
	o := order{t: t, renditions: map[mixer.RenditionID]*life{}}
	for _, e := range events {
		o.see(e)
	}
}

// order compares each event with the events before it.
type order struct {
	t          *testing.T
	renditions map[mixer.RenditionID]*life
}

// life is the state of a rendition, as the events before have announced it.
type life struct {
	audio  bool   // a rendition of a mix, not of a view
	layout bool   // a layout was delivered
	ended  bool   // Ended was sent
	offer  uint64 // number of the newest offer of passthrough
	tick   int64  // the audio tick that was delivered last
}

// see checks the next event.
func (o *order) see(e mixer.Event) {
	switch e := e.(type) {
	case mixer.Assigned:
		o.announced(e.Rendition, false)
		if e.Info.Codec == "" || e.Info.View == "" || e.Info.Size == (mixer.Size{}) || len(e.Rungs) == 0 {
			o.t.Errorf("an assignment says only %+v", e)
		}
	case mixer.Routed:
		if l := o.announced(e.Rendition, true); l.tick >= e.Tick {
			o.t.Errorf("a route from tick %d on comes after tick %d", e.Tick, l.tick)
		}
	case mixer.Delivery:
		o.delivered(e)
	case mixer.OfferPassthrough:
		l := o.running(e.Rendition)
		if e.Offer <= l.offer {
			o.t.Errorf("offer %d comes after offer %d", e.Offer, l.offer)
		}
		l.offer = e.Offer
	case mixer.Ended:
		o.running(e.Rendition).ended = true
	}
}

// announced notes that an event names a rendition, which may be new, and returns its state.
func (o *order) announced(id mixer.RenditionID, audio bool) *life {
	if o.renditions[id] == nil {
		o.renditions[id] = &life{audio: audio}
	}
	return o.running(id)
}

// running fails the test if a rendition was not announced or has ended. It returns the state of the rendition.
func (o *order) running(id mixer.RenditionID) *life {
	l := o.renditions[id]
	if l == nil {
		o.t.Errorf("rendition %d was not announced", id)
		return &life{}
	}
	if l.ended {
		o.t.Errorf("rendition %d has ended", id)
	}
	return l
}

// delivered checks a Delivery.
func (o *order) delivered(d mixer.Delivery) {
	l := o.running(d.Rendition)
	l.layout = l.layout || d.Layout != nil
	switch {
	case l.audio && d.Tick <= l.tick:
		o.t.Errorf("tick %d comes after tick %d", d.Tick, l.tick)
	case !l.audio && !l.layout:
		o.t.Error("video comes before its layout")
	}
	l.tick = d.Tick
	for _, p := range d.Packets {
		if len(p.Boundaries) == 0 && p.Codec != mixer.AAC { // AAC is never sent by RTP
			o.t.Errorf("a packet of %s at %v is not cut", p.Codec, p.PTS)
		}
	}
}
