package mixertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// requestErrors: the hub returns the engine's errors to requests, with their texts and sentinels. A failed request changes
// nothing.
func requestErrors(t *testing.T, start hub.Start) {
	r := run(t, start, canvas())
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	await(t, "it is seen", func() bool { return v.shows(middle, red) })
	for name, c := range map[string]struct {
		watching mixer.Watching
		sentinel error // nil: none of the sentinels
		text     string
	}{
		"unknown view": {mixer.Watching{Name: "hall", Codec: mixer.H264}, mixer.ErrNoView, `"hall"`},
		"no video":     {mixer.Watching{Codec: mixer.Opus}, mixer.ErrUnsupported, "accepted are h264, vp8"},
		"not encoded":  {mixer.Watching{Codec: mixer.AV1}, mixer.ErrUnsupported, "accepted are h264, vp8"},
		"bad rung":     {mixer.Watching{Codec: mixer.H264, Rung: "many"}, nil, `"many"`},
		"bad view":     {mixer.Watching{Codec: mixer.H264, View: &mixer.View{Layout: "heap"}}, nil, `"heap"`},
	} {
		sub, err := r.Watch(t.Context(), c.watching, discard{})
		if sub != nil || !errorMatches(err, c.sentinel, c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if errors.Is(c.sentinel, mixer.ErrUnsupported) {
			continue // Change ignores the codec
		}
		if err = v.sub.Change(t.Context(), c.watching); !errorMatches(err, c.sentinel, c.text) {
			t.Errorf("change, %s: %v", name, err)
		}
	}
	if _, err := r.Listen(t.Context(), mixer.H264, 0, discard{}); !errorMatches(err, mixer.ErrUnsupported, "accepted are opus, aac") {
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

// errorMatches tells whether the text of err contains text, and whether err wraps sentinel and no other sentinel. If
// sentinel is nil, err must wrap none.
func errorMatches(err, sentinel error, text string) bool {
	if err == nil || !strings.Contains(err.Error(), text) {
		return false
	}
	for _, one := range []error{mixer.ErrNoView, mixer.ErrUnsupported, mixer.ErrClosed} {
		if errors.Is(err, one) != errors.Is(sentinel, one) {
			return false
		}
	}
	return true
}

// commandErrors sends commands that a hub would not send: about numbers that do not exist, in the wrong order, and after
// the end. The engine must ignore them or answer with an error.
func commandErrors(t *testing.T, start hub.Start) {
	r := runEngine(t, start)
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
		mixer.Watch{Subscription: 50, Watching: mixer.Watching{Name: "hall", Codec: mixer.H264}}, // a request with id zero gets no answer
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
		if err := r.request(id, c.command(id)); !errors.Is(err, c.want) {
			t.Errorf("request %d: %v, want %v", id, err, c.want)
		}
	}
	r.stop()
	for i, c := range []mixer.Command{watchAs(100, 3, video), changeTo(101, 3, video), listenTo(102, 4), mixer.GetStats{Request: 103}} {
		if err := r.request(mixer.RequestID(100+i), c); !errors.Is(err, mixer.ErrClosed) {
			t.Errorf("request %d after the end: %v", 100+i, err)
		}
	}
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

// sharesNoMemory: a view that the caller changes after Watch or Change has no effect on the subscription.
func sharesNoMemory(t *testing.T, start hub.Start) {
	r := run(t, start, canvas())
	publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	publish(r, "b", mixer.H264, hub.SourceConfig{}, green)
	mine := mixer.View{Exclude: []string{"b"}}
	v := watch(r, mixer.Watching{View: &mine, Codec: mixer.H264})
	mine.Exclude[0], mine.Width, mine.Height = "a", 96, 64
	await(t, "a alone", func() bool { return v.shows(middle, red) })
	if err := v.sub.Change(t.Context(), mixer.Watching{View: &mine}); err != nil {
		t.Fatal(err)
	}
	mine.Exclude[0] = "b"
	await(t, "b alone", func() bool { return v.shows(middle, green) && v.size() == mixer.Size{W: 96, H: 64} })
}

// testPattern: the packets of a test pattern are written to a source, and the room shows and plays them.
func testPattern(t *testing.T, start hub.Start) {
	r := run(t, start, canvas())
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
	if gap := f.keyframeGap(); gap > 3*time.Second { // without a request the next one comes after 4 s
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
	Stats(t, r.Hub) // wait until packets that were on their way have arrived
	if _, after := f.count(); after != n {
		t.Errorf("%d packets after the end", after-n)
	}
}

// brokenFeed: the error of a feed names its file, and the engine continues.
func brokenFeed(t *testing.T, start hub.Start) {
	r := run(t, start, canvas())
	f := openFeed(r, mixer.FeedSpec{Name: "Gate", File: "/no/such/file.mp4"}, func(mixer.Packet) {})
	if err := <-f.ended; !errorMatches(err, nil, "/no/such/file.mp4") {
		t.Errorf("the feed ended with %v", err)
	}
	Stats(t, r.Hub)
}

// feedRun is a running feed. It counts the video packets of the feed.
type feedRun struct {
	cancel  context.CancelFunc
	refresh chan struct{}
	ended   chan error

	mu     sync.Mutex
	frames int
	keys   []time.Duration
}

// openFeed runs a feed until cancel is called or the test ends.
func openFeed(r *rig, spec mixer.FeedSpec, out func(mixer.Packet)) *feedRun {
	ctx, cancel := context.WithCancel(context.Background())
	f := &feedRun{cancel: cancel, refresh: make(chan struct{}), ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.ended <- r.OpenFeed(spec).Run(ctx, func(p mixer.Packet) { f.add(p); out(p) }, f.refresh)
	}()
	r.t.Cleanup(func() { cancel(); <-done })
	return f
}

func (f *feedRun) add(p mixer.Packet) {
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

// count returns the numbers of keyframes and of all frames so far.
func (f *feedRun) count() (keys, frames int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.keys), f.frames
}

// keyframeGap returns the time from the first keyframe to the second.
func (f *feedRun) keyframeGap() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys[1] - f.keys[0]
}

// engineEnds stops the engine while everything runs. Then requests fail with ErrClosed, feeds end, and no more packets
// come.
func engineEnds(t *testing.T, start hub.Start) {
	r := run(t, start, canvas())
	src := publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	playTone(t, src, 440)
	v := watch(r, mixer.Watching{Codec: mixer.H264})
	passed := watch(r, mixer.Watching{View: onlyA(), Codec: mixer.H264, Profile: 66})
	ear := listen(r, mixer.Opus, src.ID())
	f := openFeed(r, mixer.FeedSpec{Name: "b", Pattern: mixer.Pattern{Width: 64, Height: 64, FPS: 5, Tone: 500}}, func(mixer.Packet) {})
	await(t, "all run", func() bool {
		_, frames := f.count()
		return v.shows(middle, red) && passed.sub.Rendition().Passed && frames > 0
	})
	r.stop()
	select {
	case err := <-f.ended:
		t.Logf("the feed ended with %v", err)
	case <-time.After(awaitLimit):
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

// orderOfEvents checks the order of all events of a room in which much happens.
func orderOfEvents(t *testing.T, start hub.Start) {
	r := run(t, start, canvas())
	a := publish(r, "a", mixer.H264, hub.SourceConfig{}, red)
	playTone(t, a, 440)
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
	r.stop()
	o := eventOrder{t: t, renditions: map[mixer.RenditionID]*renditionState{}}
	for _, e := range r.events.snapshot() {
		o.see(e)
	}
	if len(o.renditions) < 5 {
		t.Errorf("%d renditions, want three of video and two of audio", len(o.renditions))
	}
}

// eventOrder compares each event with the events before it.
type eventOrder struct {
	t          *testing.T
	renditions map[mixer.RenditionID]*renditionState
}

// renditionState holds what has happened to a rendition so far.
type renditionState struct {
	audio  bool // it is a rendition of audio
	layout bool // a layout was delivered
	ended  bool
	offer  uint64 // number of its newest offer
	tick   int64  // the tick that was delivered last
}

// see checks the next event.
func (o *eventOrder) see(e mixer.Event) {
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

// announced notes that Assigned or Routed named a rendition, and returns its state.
func (o *eventOrder) announced(id mixer.RenditionID, audio bool) *renditionState {
	if o.renditions[id] == nil {
		o.renditions[id] = &renditionState{audio: audio}
	}
	return o.running(id)
}

// running returns the state of a rendition. It fails the test if the rendition was not announced or has ended.
func (o *eventOrder) running(id mixer.RenditionID) *renditionState {
	l := o.renditions[id]
	if l == nil {
		o.t.Errorf("rendition %d was not announced", id)
		return &renditionState{}
	}
	if l.ended {
		o.t.Errorf("rendition %d has ended", id)
	}
	return l
}

// delivered checks a delivery.
func (o *eventOrder) delivered(d mixer.Delivery) {
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
		if len(p.Boundaries) == 0 {
			o.t.Errorf("a packet of %s at %v is not cut", p.Codec, p.PTS)
		}
	}
}
