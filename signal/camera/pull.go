package camera

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// phase is the phase of a pull.
type phase int

// The phases of a pull.
const (
	off      phase = iota
	opening        // started; no keyframe has been passed on since
	flowing        // a keyframe has been passed on
	broken         // the session ended, and no keyframe has been passed on since
	stopping       // the goroutine is about to end
)

// pull pulls one stream. Unless it is off, it has a goroutine, which runs one session of the stream after another.
type pull struct {
	*streams
	layer     int
	url       string
	keyframes chan struct{}      // carries the mixer's requests for a keyframe to the feed
	asked     atomic.Int64       // when the mixer last requested a keyframe, in Unix ns
	faults    *faults            // of all sessions
	cancel    context.CancelFunc // ends the goroutine; used by streams.run only

	// Used by the goroutine only.
	rhythm  rhythm
	journal journal

	mu sync.Mutex
	pullState
}

// pullState is what streams.run reads of a pull.
type pullState struct {
	phase   phase
	since   time.Time     // when the phase began
	passed  time.Time     // when the last frame was passed on to the room; zero: none
	late    time.Time     // when the next frame is late
	key     time.Time     // when the first keyframe was passed on since the stream became the wanted one; zero: none
	trouble mixer.Trouble // why the stream does not flow
	noAudio mixer.Trouble // why the stream's audio is not taken
}

// state returns a snapshot of the state.
func (p *pull) state() pullState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pullState
}

// active tells whether the stream is pulled and is not being stopped.
func (s pullState) active() bool { return s.phase != off && s.phase != stopping }

// delivers tells whether frames are passed on, and none is late.
func (s pullState) delivers(now time.Time) bool { return s.phase == flowing && !now.After(s.late) }

// change applies a change to the state, and wakes streams.run.
func (p *pull) change(apply func(*pullState)) {
	p.mu.Lock()
	apply(&p.pullState)
	p.mu.Unlock()
	p.wake()
}

// enter begins another phase.
func (s *pullState) enter(next phase) { s.phase, s.since = next, time.Now() }

// aim notes that the stream has become the wanted one.
func (p *pull) aim() {
	p.change(func(s *pullState) { s.key = time.Time{} })
}

// request notes that the mixer requests a keyframe, and passes the request to the feed. It never blocks.
func (p *pull) request() {
	p.asked.Store(time.Now().UnixNano())
	select {
	case p.keyframes <- struct{}{}:
	default:
	}
}

// start starts the pull if it is off. Otherwise it does nothing. A pull that is stopping wakes streams.run once it is
// off, and run can then start it.
func (p *pull) start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase != off {
		return
	}
	p.pullState = pullState{trouble: mixer.Trouble{Reason: mixer.ReasonConnecting}}
	p.enter(opening)
	ctx, p.cancel = context.WithCancel(ctx)
	p.goroutines.Go(func() {
		p.play(ctx)
		p.change(func(s *pullState) { s.enter(off) })
	})
}

// stop makes the pull's goroutine end. It does not wait for that.
func (p *pull) stop() {
	p.change(func(s *pullState) { s.enter(stopping) })
	p.cancel()
}

// play runs sessions, with a pause after each, until ctx ends.
func (p *pull) play(ctx context.Context) {
	if p.journal.since.IsZero() {
		p.journal.since = time.Now()
	}
	for again := (retry{}); ctx.Err() == nil; {
		o := &outlet{pull: p, watch: watch{rhythm: &p.rhythm}}
		started := time.Now()
		err := o.run(ctx)
		if ctx.Err() != nil {
			return
		}
		now := time.Now()
		brought, lasted := !o.first.IsZero(), now.Sub(started)
		if brought {
			lasted = now.Sub(o.first)
			p.journal.flowed(lasted)
		}
		failure := failureOf(err)
		p.journal.failed(failure, o.watch.ended(now))
		p.change(func(s *pullState) { s.breakOff(failure.Trouble) })
		sleep(ctx, again.pause(err, brought, lasted))
		if brought {
			p.setTrouble(mixer.Trouble{Reason: mixer.ReasonReconnecting, Detail: "the session ended: " + failure.Detail})
		}
	}
}

// breakOff notes that a session has ended. In its next session the stream must prove itself again.
func (s *pullState) breakOff(t mixer.Trouble) {
	s.trouble, s.key = t, time.Time{}
	if s.active() {
		s.enter(broken)
	}
}

// setAudioTrouble sets why the stream's audio is not taken.
func (p *pull) setAudioTrouble(t mixer.Trouble) {
	p.change(func(s *pullState) { s.noAudio = t })
}

// setTrouble sets why the stream does not flow.
func (p *pull) setTrouble(t mixer.Trouble) {
	p.change(func(s *pullState) { s.trouble = t })
}

// outlet passes the packets of one session to the room.
type outlet struct {
	*pull
	ctx   context.Context // ends with the session
	watch watch

	// Used only by the goroutine that writes video, and after the session.
	joined  bool      // a video packet has arrived
	first   time.Time // when the first keyframe arrived; zero: none has
	started bool      // frames are passed on

	format atomic.Pointer[keyframeFormat] // nil before frames are passed on
}

// keyframeFormat is the format of a session's first keyframe, and when it was passed on.
type keyframeFormat struct {
	videoFormat
	at time.Time
}

// run opens the feed and runs it until it breaks, the watch ends it, or ctx ends.
func (o *outlet) run(ctx context.Context) error {
	f, err := o.open(o.url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	o.ctx = ctx
	if r, ok := f.(*rtspFeed); ok {
		r.faults = o.faults
		r.lost, r.audioTrouble = &o.health.lost, o.setAudioTrouble
		r.playing = func(string, mixer.Codec) { o.watch.begin(time.Now()) }
	}
	var observer sync.WaitGroup
	var ended *Failure // why the watch ended the session; nil: it did not
	observer.Go(func() {
		ended = o.observe(ctx)
		cancel()
	})
	err = f.Run(ctx, o.write, o.keyframes)
	cancel() // tells audio that another stream's outlet may become the owner
	observer.Wait()
	if ended != nil {
		return ended
	}
	return err
}

// keylessAfter is how long frames come without a keyframe before that counts as trouble.
const keylessAfter = 3 * time.Second

// observe tells the journal how long frames come, until ctx ends or the watch wants to end the session. It returns why
// the watch wants that; nil if ctx ended.
func (o *outlet) observe(ctx context.Context) *Failure {
	for {
		now := time.Now()
		ended, next := o.watch.check(now, time.Unix(0, o.asked.Load()))
		if ended != nil {
			return ended
		}
		if f := o.format.Load(); f != nil {
			o.journal.flowing(f.at, now, f.videoFormat, o.watch.rate())
		} else if o.watch.keyless(now) >= keylessAfter {
			o.setTrouble(mixer.Trouble{Reason: mixer.ReasonNoKeyframe, Detail: "frames come, but no keyframe, at which decoding can start"})
		}
		sleep(ctx, next.Sub(now))
		if ctx.Err() != nil {
			return nil
		}
	}
}

// write passes p to the room. It drops audio if the camera's audio is not pulled.
func (o *outlet) write(p mixer.Packet) {
	now := time.Now()
	o.health.received(p, now)
	if !p.Codec.IsVideo() {
		if o.cfg.Audio.pulled() && o.audio.write(o, p) {
			o.wake()
		}
		return
	}
	o.watch.frame(p, now)
	if !o.joined {
		o.joined = true
		p.Lost = p.Lost || !p.Key // it does not continue the last session
	}
	if p.Key && o.first.IsZero() {
		o.first = now
	}
	if !o.started {
		o.started = p.Key && !o.held(now)
		if !o.started && len(o.pulls) > 1 {
			return // otherwise the mixer would wait for this stream, and not use the other one
		}
	}
	o.out.WriteVideo(o.layer, p)
	if o.started {
		o.passed(p, now)
	}
}

// held tells whether frames are held back. After sessions that ended soon, a stream must first bring frames for some time.
// Meanwhile the other stream stands in for it, unless the other stream is broken too.
func (o *outlet) held(now time.Time) bool {
	return len(o.pulls) > 1 && now.Sub(o.first) < o.journal.steadyAfter() && o.standIn(o.pull).state().phase != broken
}

// passed notes that a frame was passed on to the room.
func (o *outlet) passed(p mixer.Packet, now time.Time) {
	lapse := o.watch.lapse()
	o.mu.Lock()
	if o.phase == broken {
		o.health.reconnects.Add(1)
	}
	wake := o.pass(p.Key, lapse, now)
	o.mu.Unlock()
	if o.format.Load() == nil {
		o.format.Store(&keyframeFormat{formatOf(p), now})
	}
	if wake {
		o.wake()
	}
}

// pass notes that a frame was passed on to the room; lapse is the usual distance to the next one. The result tells
// whether something has changed that matters to streams.run.
func (s *pullState) pass(key bool, lapse time.Duration, now time.Time) (changed bool) {
	if s.phase == flowing && now.After(s.late) {
		s.key, changed = time.Time{}, true // the other stream may stand in; it is pulled until the next keyframe
	}
	s.passed, s.late = now, now.Add(max(lateAfter, stallFactor*lapse))
	if key && s.key.IsZero() {
		s.key, changed = now, true
	}
	if s.phase == opening || s.phase == broken {
		s.enter(flowing)
		s.trouble, changed = mixer.Trouble{}, true
	}
	return changed
}
