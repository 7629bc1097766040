package engine

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
	"azulejo/mixer/hub"
)

// hall is the audio mix of a room under a fake clock. It is the engine of a hub.
type hall struct {
	*audioMix
	t      *testing.T
	hub    *hub.Hub
	mu     sync.Mutex
	in     []*source
	joined int // id of the newest source
}

// Send executes the commands about subscriptions to audio.
func (h *hall) Send(c mixer.Command) {
	switch c := c.(type) {
	case mixer.Listen:
		h.subscribers.engine.answer(c.Request, h.subscribers.add(c.Codec, h.named(c.Exclude), c.Subscription))
	case mixer.Unsubscribe:
		h.subscribers.remove(c.Subscription)
	}
}

func (h *hall) Run(context.Context) error { return nil }

// named returns the source with that id, or nil.
func (h *hall) named(id mixer.SourceID) *source {
	for _, s := range h.here() {
		if s.id == id {
			return s
		}
	}
	return nil
}

// inHall runs f while the audio ticker runs. Time passes while f sleeps.
func inHall(t *testing.T, f func(h *hall)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { h.run(ctx); close(done) }()
		f(h)
		for _, src := range h.here() {
			h.leave(src)
		}
		cancel()
		<-done
		h.subscribers.close()
	})
}

// newHall makes a hall whose ticker does not run.
func newHall(t testing.TB, epoch time.Time) *hall {
	t.Helper()
	h := &hall{}
	h.t, _ = t.(*testing.T)
	start := func(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (hub.Engine, error) {
		m := &Engine{cfg: cfg, emit: emit, log: log}
		m.audio = newAudioMix(m)
		h.audioMix = m.audio
		h.sources = h.here
		return h, nil
	}
	var err error
	if h.hub, err = hub.New(mixer.Config{Epoch: epoch}, start, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hall) here() []*source {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.in)
}

func (h *hall) join(name string) *source {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joined++
	src := &source{id: mixer.SourceID(h.joined), cfg: sourceConfig{SourceSpec: mixer.SourceSpec{Name: name}}, audio: newAudioInput(slog.New(slog.DiscardHandler))}
	h.in = append(h.in, src)
	return src
}

func (h *hall) leave(src *source) {
	h.mu.Lock()
	h.in = slices.DeleteFunc(h.in, func(o *source) bool { return o == src })
	h.mu.Unlock()
	src.audio.close()
}

// say sends a tone for d, and returns when all of it is sent.
func (h *hall) say(src *source, hz float64, d time.Duration) {
	started := time.Now()
	for _, p := range packed(h.t, codec.AudioConfig{Codec: mixer.Opus}, stereo(d, hz, hz)) {
		time.Sleep(time.Until(started.Add(p.PTS + p.Duration)))
		p.PTS += started.Sub(src.audio.born)
		src.audio.enqueue(*p)
	}
}

// hears adds a subscription, which records from now on.
func (h *hall) hears(id mixer.Codec, not *source) *ear {
	h.t.Helper()
	d, err := codec.NewAudioDecoder(id, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	e := &ear{decoder: d}
	var exclude mixer.SourceID
	if not != nil {
		exclude = not.id
	}
	sub, err := h.hub.Listen(context.Background(), id, exclude, adapt(e))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { sub.Close(); d.Close() })
	return e
}

// forget starts a new recording.
func (e *ear) forget() { e.mu.Lock(); defer e.mu.Unlock(); e.pcm = nil }

// heard is a copy of the recording.
func (e *ear) heard() []int16 { e.mu.Lock(); defer e.mu.Unlock(); return slices.Clone(e.pcm) }

// encodes is the number of audio renditions with subscriptions.
func (h *hall) encodes() int { return len(h.subscribers.stats()) }

// TestOnlyTalkersHaveTheirOwnMix: the subscriptions of silent participants share one rendition.
func TestOnlyTalkersHaveTheirOwnMix(t *testing.T) {
	inHall(t, func(h *hall) {
		ann, bob := h.join("ann"), h.join("bob")
		toAnn, toBob, viewer := h.hears(mixer.Opus, ann), h.hears(mixer.Opus, bob), h.hears(mixer.Opus, nil)
		time.Sleep(time.Second)
		if st := h.subscribers.stats(); len(st) != 1 || st[0].Sinks != 3 {
			t.Errorf("%+v while all are silent, want one encode for three", st)
		}
		h.say(ann, 440, time.Second)
		if n := h.encodes(); n != 2 {
			t.Errorf("%d encodes while one speaks, want 2", n)
		}
		if l := pcm.Level(toAnn.heard()); l > -85 {
			t.Errorf("the speaker hears %.1f dB", l)
		}
		for name, e := range map[string]*ear{"the other": toBob, "the viewer": viewer} {
			if l := pcm.Goertzel(e.heard()[len(second):], mixer.SampleRate, 440); l < -20 {
				t.Errorf("%s hears %.1f dB", name, l)
			}
		}
		time.Sleep(5 * time.Second)
		if n := h.encodes(); n != 1 {
			t.Errorf("%d encodes 5 s after the last word, want 1", n)
		}
		for name, e := range map[string]*ear{"ann": toAnn, "bob": toBob, "viewer": viewer} {
			e.continuous(t, name)
		}
	})
}

// continuous fails if there is a gap between packets.
func (e *ear) continuous(t *testing.T, name string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for k, p := range e.packets[1:] {
		if d := p.PTS - e.packets[k].PTS - e.packets[k].Duration; d.Abs() > time.Microsecond {
			t.Errorf("%s: packet %d comes %v after the end of the one before", name, k, d)
			return
		}
	}
}

// TestMovingBetweenMixesIsNotHeard: a participant listens to a tone, speaks, and is silent again. The tone has no clicks.
func TestMovingBetweenMixesIsNotHeard(t *testing.T) {
	inHall(t, func(h *hall) {
		ann, organ := h.join("ann"), h.join("organ")
		toAnn, viewer := h.hears(mixer.Opus, ann), h.hears(mixer.Opus, nil)
		go h.say(organ, toneHz, 12*time.Second)
		time.Sleep(2 * time.Second)
		calm := largestStep(toAnn.heard()[len(second):])
		toAnn.forget()
		viewer.forget()
		h.say(ann, 1100, time.Second)
		time.Sleep(6 * time.Second)
		if n := h.encodes(); n != 1 {
			t.Errorf("%d encodes in the end, want 1", n)
		}
		heard := toAnn.heard()
		if s := largestStep(heard); s > calm*13/10 {
			t.Errorf("a step of %d while moving, %d before", s, calm)
		}
		t.Logf("the largest step is %d before and %d while moving; the tone is within %.2f dB", calm, largestStep(heard), wobble(heard))
		if d := wobble(heard); d > 1 {
			t.Errorf("the tone's level changes by %.2f dB", d)
		}
		if own, other := pcm.Goertzel(heard[:2*len(second)], mixer.SampleRate, 1100), pcm.Goertzel(viewer.heard()[:2*len(second)], mixer.SampleRate, 1100); own > other-40 {
			t.Errorf("the speaker hears itself at %.1f dB, a viewer at %.1f dB", own, other)
		}
		toAnn.continuous(t, "ann")
		time.Sleep(4 * time.Second) // until the organ ends
	})
}

// wobble is the largest difference between the levels of 10 ms pieces, in dB.
func wobble(audio []int16) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	const piece = mixer.SampleRate / 100 * mixer.Channels
	for at := 0; at+piece <= len(audio); at += piece {
		l := pcm.Level(audio[at : at+piece])
		low, high = min(low, l), max(high, l)
	}
	return high - low
}

// TestLeavingFades: a source that is removed in the middle of a tone fades out without a click.
func TestLeavingFades(t *testing.T) {
	inHall(t, func(h *hall) {
		const hz = 345 // its periods do not end with a block
		ann := h.join("ann")
		viewer := h.hears(mixer.Opus, nil)
		h.say(ann, hz, time.Second)
		h.leave(ann)
		time.Sleep(time.Second)
		heard := viewer.heard()
		if l := pcm.Goertzel(heard[len(second)/2:len(second)], mixer.SampleRate, hz); l < -13 {
			t.Errorf("the source is at %.1f dB before it left", l)
		}
		if s := largestStep(heard); s > noClick {
			t.Errorf("a click of %d", s)
		}
		if l := pcm.Level(heard[len(heard)-len(second)/2:]); l != pcm.Floor {
			t.Errorf("the removed source is still heard at %.1f dB", l)
		}
	})
}

// TestSilenceFlows: packets of silence are sent in every codec. Players and recordings need them.
func TestSilenceFlows(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.Opus, mixer.AAC} {
		inHall(t, func(h *hall) {
			ann := h.join("ann")
			e := h.hears(id, nil)
			time.Sleep(5 * time.Second)
			h.say(ann, toneHz, time.Second)
			time.Sleep(5 * time.Second)
			e.continuous(t, string(id))
			if n := len(e.heard()); n < 109*len(second)/10 || n > 111*len(second)/10 {
				t.Errorf("%s: %v heard in 11 s", id, durationOf(n))
			}
			at := 5*len(second) + samplesIn(2*audioLatency)
			if l := pcm.Goertzel(e.heard()[at:at+len(second)/2], mixer.SampleRate, toneHz); l < -13 {
				t.Errorf("%s: audio after silence is at %.1f dB", id, l)
			}
			if size := len(e.packets[len(e.packets)-1].Data); id == mixer.Opus && size > 3 {
				t.Errorf("silence of %d bytes a packet", size)
			}
		})
	}
}

// TestTheMixKnowsItsSpeaker: the audio mix detects the active speaker. The rules are tested in speaker_test.go.
func TestTheMixKnowsItsSpeaker(t *testing.T) {
	inHall(t, func(h *hall) {
		ann, bob := h.join("ann"), h.join("bob")
		if h.speaker() != nil {
			t.Error("there is a speaker before a source spoke")
		}
		h.say(ann, 440, time.Second)
		if h.speaker() != ann || !ann.speaking() || bob.speaking() {
			t.Error("ann is not the speaker")
		}
		time.Sleep(3 * time.Second)
		if h.speaker() != ann || ann.speaking() {
			t.Error("ann is not the last speaker")
		}
		h.say(bob, 440, time.Second)
		if h.speaker() != bob {
			t.Error("bob is not the speaker")
		}
		bob.audio.muted.Store(true)
		time.Sleep(100 * time.Millisecond)
		if h.speaker() != nil || bob.speaking() {
			t.Error("a muted source is the speaker")
		}
	})
}

// TestAudioHasTheTimeOfItsArrival: the timestamp of a word is the time of its arrival, within -10 ms to 40 ms.
func TestAudioHasTheTimeOfItsArrival(t *testing.T) {
	inHall(t, func(h *hall) {
		ann := h.join("ann")
		e := h.hears(mixer.Opus, nil)
		time.Sleep(time.Second)
		said := time.Since(h.cadence.epoch)
		h.say(ann, toneHz, time.Second)
		time.Sleep(time.Second)
		heard := e.heard()
		at := slices.IndexFunc(heard, func(v int16) bool { return v > 1000 })
		e.mu.Lock()
		stamped := e.packets[0].PTS + durationOf(at)
		e.mu.Unlock()
		// The first packet arrives when its 20 ms have been spoken.
		if d := stamped - said - blockTime; d < -10*time.Millisecond || d > 40*time.Millisecond {
			t.Errorf("a word that arrived at %v is stamped %v: %v later", said+blockTime, stamped, d)
		} else {
			t.Logf("a word is stamped %v after its arrival", d)
		}
	})
}

// deaf is a sink that discards packets.
type deaf struct{}

func (deaf) WritePacket(mixer.Packet) {}

// BenchmarkSilentRoom decodes, mixes and encodes 20 ms of nine silent sources for one subscription.
func BenchmarkSilentRoom(b *testing.B) {
	packets := packed(b, codec.AudioConfig{Codec: mixer.Opus}, make([]int16, len(second)))
	var in []*source
	for range 9 {
		in = append(in, &source{audio: newAudioInput(slog.New(slog.DiscardHandler))})
	}
	s := newHall(b, in[0].audio.born)
	s.in = in
	if _, err := s.hub.Listen(b.Context(), mixer.Opus, 0, adapt(deaf{})); err != nil {
		b.Fatal(err)
	}
	decoders := make([]audioDecoder, len(in))
	for n := int64(1); b.Loop(); n++ {
		now := s.cadence.epoch.Add(s.cadence.timeOf(n))
		for i, src := range in {
			p := *packets[n%50]
			p.PTS = time.Duration(n) * blockTime
			if err := src.audio.decode(&decoders[i], p, now); err != nil {
				b.Fatal(err)
			}
		}
		s.mix(n)
	}
	s.subscribers.close()
	for i, src := range in {
		src.audio.close()
		decoders[i].close()
	}
}
