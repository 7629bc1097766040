package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"azulejo/mixer"
)

// conditionEvery is the time between two checks of the conditions of all sources.
const conditionEvery = 250 * time.Millisecond

// obstaclePatience is how long packets may give no frame until the reason is told. A stream that starts, or that lost a packet,
// usually has a keyframe by then.
const obstaclePatience = 3 * time.Second

// never is the age of something that has never happened.
const never = time.Duration(1<<63 - 1)

// evidence is what the engine knows about a source at one time. All ages are times before that time.
type evidence struct {
	away, muted bool
	composed    bool // a view composes the video, so its tile needs a decoded frame
	frame       bool // the slot has a decoded frame

	age         time.Duration // age of the newest video that can be shown
	patience    time.Duration // the age from which on the source is lost
	unchanged   time.Duration // for how long the frames have been the same
	frozenAfter time.Duration // zero: the source is never frozen

	obstacle mixer.Trouble // why the newest packets gave no frame; zero: they gave frames, or none came
	blocked  time.Duration // age of the first of these packets
	audio    time.Duration // age of the newest audio packet
	existing time.Duration // age of the source

	reported mixer.Trouble // what the sender's side reports
}

// judge decides the state of a source by the evidence, and the reason why it is not live.
func (e evidence) judge() (mixer.State, mixer.Trouble) {
	switch {
	case e.away:
		return mixer.Reconnecting, e.reportedOr(mixer.ReasonReconnecting, "the connection broke")
	case e.muted:
		return mixer.Muted, mixer.Trouble{Reason: mixer.ReasonMuted, Detail: "the participant sends no video"}
	case e.age == never:
		return mixer.Connecting, e.cause(false)
	case e.age > e.lostAfter():
		return mixer.Lost, e.cause(true)
	case e.composed && !e.frame:
		return mixer.Connecting, e.cause(false)
	case e.frozenAfter > 0 && e.unchanged >= e.frozenAfter:
		return mixer.Frozen, mixer.Trouble{Reason: mixer.ReasonFrozen, Detail: fmt.Sprintf("the picture has not changed for %v", e.frozenAfter)}
	}
	return mixer.Live, mixer.Trouble{}
}

// lostAfter returns the age of the video from which on the source is lost. A sender's side that reports trouble sends no frame
// that could be waited for.
func (e evidence) lostAfter() time.Duration {
	if e.reported != (mixer.Trouble{}) {
		return min(e.patience, leastPatience)
	}
	return e.patience
}

// cause returns the reason why a source without current video has none. What the engine sees itself comes first, because a report
// can be older. lost says that the source had video before.
func (e evidence) cause(lost bool) mixer.Trouble {
	heard := e.audio <= obstaclePatience
	switch {
	case e.obstacle.Reason == mixer.ReasonTooLarge:
		return e.obstacle
	case e.obstacle != (mixer.Trouble{}) && (lost || e.blocked >= obstaclePatience):
		return e.obstacle
	case e.reported != (mixer.Trouble{}):
		return e.reported
	case lost && heard:
		return mixer.Trouble{Reason: mixer.ReasonStalled, Detail: "audio comes, but no video any more"}
	case lost:
		return mixer.Trouble{Reason: mixer.ReasonNoData, Detail: "nothing comes any more"}
	case heard && e.existing >= obstaclePatience:
		return mixer.Trouble{Reason: mixer.ReasonNoData, Detail: "audio comes, but no video"}
	}
	return mixer.Trouble{Reason: mixer.ReasonConnecting, Detail: "no video has come yet"}
}

// reportedOr returns the reported trouble. If there is none, it returns a Trouble with the given reason and detail.
func (e evidence) reportedOr(reason mixer.Reason, detail string) mixer.Trouble {
	if e.reported != (mixer.Trouble{}) {
		return e.reported
	}
	return mixer.Trouble{Reason: reason, Detail: detail}
}

// oldness returns the age of what a tile shows in the given state, see source.condition.
func (e evidence) oldness(state mixer.State) time.Duration {
	switch {
	case e.age == never:
		return 0
	case state == mixer.Frozen:
		return e.age + e.unchanged
	}
	return e.age
}

// obstacle records why the packets of a source's video give no frames. The zero value is ready. Safe for concurrent use.
type obstacle struct {
	mu       sync.Mutex
	trouble  mixer.Trouble // zero: the newest packet gave a frame
	keyframe bool          // trouble is that of a keyframe
	first    time.Time     // when the first of the consecutive packets without a frame came
	newest   time.Time     // when the newest of them came
}

// meet records that a packet gave no frame, and why. keyframe says whether decoding could start at the packet. A keyframe that
// could not be decoded weighs more than packets that wait for a keyframe, and its trouble stays. The detail of damage is that of the
// first packet, because the errors of a decoder vary.
func (o *obstacle) meet(t mixer.Trouble, keyframe bool) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.trouble == (mixer.Trouble{}) {
		o.first = now
	}
	o.newest = now
	if o.trouble.Reason == t.Reason && t.Reason == mixer.ReasonDamaged {
		o.keyframe = o.keyframe || keyframe
		return
	}
	if keyframe || !o.keyframe {
		o.trouble, o.keyframe = t, keyframe
	}
}

// pass records that the newest packet gave a frame.
func (o *obstacle) pass() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.trouble, o.keyframe = mixer.Trouble{}, false
}

// read returns the current trouble, and the age of the first packet without a frame. Both are zero if the newest packet gave a
// frame, or came longer than patience ago.
func (o *obstacle) read(now time.Time, patience time.Duration) (mixer.Trouble, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.trouble == (mixer.Trouble{}) || now.Sub(o.newest) > patience {
		return mixer.Trouble{}, 0
	}
	return o.trouble, now.Sub(o.first)
}

// evidence collects what is known about the source at the time now.
func (s *source) evidence(now time.Time) evidence {
	seen := s.slot.snapshot()
	e := evidence{
		away: s.away.Load(), muted: s.videoMuted.Load(), composed: s.video.demanded(), frame: seen.seq != 0,
		age: never, patience: seen.patience, unchanged: seen.unchanged, frozenAfter: s.cfg.FrozenAfter,
		audio: s.audio.silence(now), existing: now.Sub(s.added),
	}
	if !seen.lastVideo.IsZero() {
		e.age = now.Sub(seen.lastVideo)
	}
	if t := s.reported.Load(); t != nil {
		e.reported = *t
	}
	e.obstacle, e.blocked = s.video.obstacle.read(now, max(seen.patience, obstaclePatience))
	return e
}

// condition returns the current condition of the source. Its Since is right if announce has been called since the last change,
// and now otherwise. age is the time since video last came, or since it changed last if the state is Frozen. It is zero if no
// video has come.
func (s *source) condition(now time.Time) (c mixer.Condition, age time.Duration) {
	e := s.evidence(now)
	c = mixer.Condition{Since: now}
	c.State, c.Trouble = e.judge()
	if failure := s.undrawable.Load(); failure != nil && c.State == mixer.Live && e.composed {
		c.State, c.Trouble = mixer.Unusable, mixer.Trouble{Reason: mixer.ReasonDamaged, Detail: *failure}
	}
	s.conditionMu.Lock()
	defer s.conditionMu.Unlock()
	if c.State == s.announced.State && c.Reason == s.announced.Reason {
		c.Since = s.announced.Since
	}
	return c, e.oldness(c.State)
}

// announce emits the condition if it has changed. addSource calls it first, and later only the goroutine of watchConditions.
func (s *source) announce(now time.Time) {
	next, _ := s.condition(now)
	s.conditionMu.Lock()
	changed := next != s.announced
	s.announced = next
	s.conditionMu.Unlock()
	if changed {
		s.engine.emit(mixer.ConditionChanged{Source: s.id, Condition: next})
	}
}

// watchConditions announces changes of the sources' conditions until ctx ends.
func (m *Engine) watchConditions(ctx context.Context) {
	every(ctx, conditionEvery, func(now time.Time) {
		for _, s := range m.snapshot() {
			s.announce(now)
		}
	})
}
