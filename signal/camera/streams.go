package camera

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// upstream receives the media of a camera. In the server it is the camera's [room.Member].
type upstream interface {
	WriteVideo(layer int, p mixer.Packet)
	WriteAudio(p mixer.Packet)
	// ReportTrouble says why no video comes; the zero Trouble: video comes.
	ReportTrouble(t mixer.Trouble)
	// ReportAudioTrouble says why the audio is not taken; the zero Trouble: it is taken, or there is none.
	ReportAudioTrouble(t mixer.Trouble)
}

// When streams are started and stopped.
const (
	// overlap is how long the old stream is still pulled after a keyframe of the new one. In this time the mixer changes to
	// the new stream. The room may also want the old one again.
	overlap = time.Second

	// unseenHold is how long a camera's stream stays the wanted one when no tile shows the camera any more. A view that shows
	// its pages in turn needs the stream again soon.
	unseenHold = 30 * time.Second

	// openingTime is how long the wanted stream may take to its first keyframe before the other one stands in for it.
	openingTime = 2 * time.Second

	// silentTime is the time without frames after which another stream stands in for one that broke. The mixer treats a
	// layer as silent after a second, and changes to the other layer only at a keyframe. So the other stream's first keyframe
	// must not come earlier.
	silentTime = 1100 * time.Millisecond

	// lateAfter is the time without frames after which another stream stands in for one whose session goes on. If the
	// distance between its frames is longer, it is stallFactor times that distance.
	lateAfter = 2 * time.Second
)

// request is a demand of the mixer for the camera's video.
type request struct {
	mixer.Demand
	at time.Time // when it came
}

// hidden tells whether no tile shows the camera.
func (r *request) hidden() bool { return r.Width == 0 || r.Height == 0 }

// sameSize tells whether two demands differ at most in their layer.
func (r *request) sameSize(other *request) bool {
	return r.Width == other.Width && r.Height == other.Height
}

// streams pulls the stream of a camera that the room wants. Layer 0 is the main stream, layer 1 the sub-stream, if there
// is one. When another stream is wanted, the old one is pulled until the new one has delivered a keyframe, and for the
// time overlap after that. While the wanted stream does not deliver, the other one is pulled in its place, and the wanted
// one is tried again.
type streams struct {
	cfg    Config
	out    upstream
	health *health
	audio  audio
	open   func(url string) (Feed, error)

	requested atomic.Pointer[request] // the newest
	woken     chan struct{}           // receives a value when requested or the state of a pull has changed

	pulls []*pull // by layer; the slice never changes

	// Used by run only.
	followed   *request       // the newest request that run has seen
	wanted     int            // the layer of the wanted stream
	unseen     time.Time      // since when no tile shows the camera; zero: the wanted stream stays wanted
	told       *mixer.Trouble // that was reported last; nil: none was
	toldAudio  mixer.Trouble  // the trouble with the audio that was reported last
	goroutines sync.WaitGroup // of the pulls
}

// newStreams returns the streams of the camera cfg. run starts them.
func newStreams(cfg Config, out upstream, open openFeed, h *health, log *slog.Logger) *streams {
	s := &streams{
		cfg: cfg, out: out, health: h, audio: audio{out: out, epoch: time.Now()}, woken: make(chan struct{}, 1),
	}
	s.open = func(url string) (Feed, error) {
		in, err := cfg.parse(url)
		if err != nil {
			return nil, err
		}
		return in.open(open)
	}
	for i, url := range cfg.urls() {
		l := log
		if cfg.SubURL != "" {
			l = log.With("layer", i)
		}
		s.pulls = append(s.pulls, &pull{
			streams: s, layer: i, url: url, keyframes: make(chan struct{}, 1), journal: journal{log: l}, faults: newFaults(l),
		})
	}
	s.wanted = s.cheapest() // until the first demand
	s.followed = &request{Demand: mixer.Demand{Layer: s.wanted}}
	s.requested.Store(s.followed)
	return s
}

// cheapest returns the layer of the smallest stream.
func (s *streams) cheapest() int { return len(s.pulls) - 1 }

// standIn returns the stream that stands in for p. The camera must have two streams.
func (s *streams) standIn(p *pull) *pull { return s.pulls[1-p.layer] }

// refresh requests a keyframe of all streams. It never blocks.
func (s *streams) refresh() {
	for _, p := range s.pulls {
		p.request()
	}
}

// demand changes which stream is wanted. If no tile shows the camera any more, the wanted stream stays the same for
// unseenHold. After that it is the cheapest stream. That is pulled all the time, so that a tile can show the camera at
// once. demand never blocks.
func (s *streams) demand(d mixer.Demand) {
	d.Layer = min(max(d.Layer, 0), s.cheapest())
	s.requested.Store(&request{d, time.Now()})
	s.wake()
}

// wake makes run check what is wanted. It never blocks.
func (s *streams) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// run pulls the wanted stream until ctx ends. Before it returns it waits for all goroutines that it started.
func (s *streams) run(ctx context.Context) {
	defer func() {
		s.goroutines.Wait()
		for _, p := range s.pulls {
			p.faults.close()
		}
	}()
	for {
		next := s.settle(ctx, time.Now())
		var due <-chan time.Time // nil: nothing is due
		if !next.IsZero() {
			due = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		case <-due:
		}
	}
}

// settle starts and stops streams as the mixer's demand and the state of the streams want it. It returns when it must be
// called again, even if nothing changes; zero: never.
func (s *streams) settle(ctx context.Context, now time.Time) (next time.Time) {
	next = earliest(s.follow(now), s.expire(now))
	want := s.pulls[s.wanted]
	want.start(ctx)
	if len(s.pulls) > 1 {
		next = earliest(next, s.replace(ctx, want, now))
	}
	s.tell()
	return next
}

// earliest returns the earlier of two times. The zero time is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// aim makes another stream the wanted one.
func (s *streams) aim(layer int) {
	if layer != s.wanted {
		s.wanted = layer
		s.pulls[layer].aim()
	}
}

// follow follows the newest demand of the mixer. If only the layer of the demand has changed, and the wanted stream does not
// deliver, the mixer has given this stream up. The stream is still the wanted one: it is tried again, and the other stream
// stands in for it. If the mixer does not demand it within the time overlap after its keyframe, the mixer cannot use it, and
// the other stream becomes the wanted one.
func (s *streams) follow(now time.Time) (next time.Time) {
	newest := s.requested.Load()
	want := s.pulls[s.wanted].state()
	switch before := s.followed; {
	case newest.hidden():
		if newest != before {
			s.unseen = newest.at
		}
	case newest.Layer == s.wanted:
		s.unseen = time.Time{}
	case newest.sameSize(before) && !want.delivers(now):
		s.unseen = time.Time{}
	case newest == before && want.key.IsZero(): // the mixer cannot want the stream before its keyframe
	case newest == before && now.Before(want.key.Add(overlap)):
		next = want.key.Add(overlap)
	default:
		s.unseen = time.Time{}
		s.aim(newest.Layer)
	}
	s.followed = newest
	return next
}

// expire makes the cheapest stream the wanted one when no tile has shown the camera for unseenHold.
func (s *streams) expire(now time.Time) (next time.Time) {
	if s.unseen.IsZero() {
		return next
	}
	if end := s.unseen.Add(unseenHold); now.Before(end) {
		return end
	}
	s.unseen = time.Time{}
	s.aim(s.cheapest())
	return next
}

// replace starts the stream that stands in for the wanted one, or stops it once the wanted one delivers.
func (s *streams) replace(ctx context.Context, want *pull, now time.Time) (next time.Time) {
	other, state := s.standIn(want), want.state()
	if !state.active() {
		return next
	}
	missing := state.missing()
	if !now.Before(missing) {
		other.start(ctx)
		return next
	}
	if state.phase != flowing || state.key.IsZero() || !other.state().active() {
		return missing
	}
	if next = state.key.Add(overlap); !now.Before(next) {
		other.stop()
		return missing
	}
	return earliest(missing, next)
}

// missing returns when the stream counts as not delivering, if nothing comes until then.
func (s pullState) missing() time.Time {
	switch {
	case s.phase == flowing:
		return s.late
	case s.phase == opening:
		return s.since.Add(openingTime)
	case s.passed.IsZero():
		return s.since
	}
	return s.passed.Add(silentTime)
}

// tell reports the camera's trouble if it has changed: that of the wanted stream, and none while any stream delivers. It also
// reports trouble with the audio.
func (s *streams) tell() {
	t := s.pulls[s.wanted].state().trouble
	for _, p := range s.pulls {
		if p.state().phase == flowing {
			t = mixer.Trouble{}
		}
	}
	if s.told == nil || *s.told != t {
		s.told = &t
		s.health.setTrouble(t)
		s.out.ReportTrouble(t)
	}
	if t := s.audioTrouble(); s.toldAudio != t {
		s.toldAudio = t
		s.out.ReportAudioTrouble(t)
	}
}

// audioTrouble returns why no audio of the camera is taken: the trouble of its main stream, or else of its sub-stream. It is
// zero while audio is passed on, and if no stream offers any.
func (s *streams) audioTrouble() mixer.Trouble {
	if s.audio.flows() {
		return mixer.Trouble{}
	}
	for _, p := range s.pulls {
		if state := p.state(); state.active() && state.noAudio.Reason != "" {
			return state.noAudio
		}
	}
	return mixer.Trouble{}
}
