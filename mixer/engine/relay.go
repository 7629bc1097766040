package engine

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/codec/pack"
	"azulejo/mixer"
)

// relayQueue is how many packets of a source may wait for being passed on.
const relayQueue = 64

// relay brings one source's own packets to a rendition whose view shows nothing else, so that nothing has to
// be decoded or encoded. It begins at a key packet; whatever does not fit ends it, and composing goes on.
type relay struct {
	key     pictureKey
	packets chan relayed

	source atomic.Pointer[Source] // packets come from it; nil while composing
	passes atomic.Pointer[shape]  // of what is passed on right now; nil while composing
	over   atomic.Bool            // the next composed picture has to be a key picture
	gap    atomic.Bool            // the last packet had no room
	asked  atomic.Int64           // since when a key picture is waited for, Unix nanoseconds; zero: none is

	mu      sync.Mutex // held while source changes
	stopped bool

	// Owned by the rendition's run.
	from    *Source       // of the last packet
	foreign bool          // from's last key packet is of a kind that the viewers do not know
	mixedUp bool          // from's pictures come out of order
	shape   shape         // of from's last key packet
	offset  time.Duration // from the source's time to the room's
	came    time.Duration // the source's time of the last packet
}

// relayed is a packet on its way, and whose it is: some still wait when the source changes.
type relayed struct {
	source *Source
	layerPacket
}

func newRelay(key pictureKey) relay {
	return relay{key: key, packets: make(chan relayed, relayQueue)}
}

// use makes s the source whose packets come, nil for none. Only the view's ticker calls it.
func (r *relay) use(tap *picture, s *Source) {
	if r.lead(tap, s) && s != nil {
		s.video.requestKeyframe()
	}
	if s == nil {
		r.end()
	}
}

// lead has packets of s come to tap instead of those before; false if they did already.
func (r *relay) lead(tap *picture, s *Source) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.source.Load() == s {
		return false
	}
	r.source.Swap(s).untap(tap)
	s.tap(tap)
	return true
}

// end goes back to composing.
func (r *relay) end() {
	r.asked.Store(0)
	if r.passes.Swap(nil) != nil {
		r.over.Store(true)
	}
}

// begin notes that packets of that shape are passed on.
func (r *relay) begin(s shape) {
	if now := r.passes.Load(); now == nil || *now != s {
		r.passes.Store(&s)
	}
}

// ended tells, once, that composing begins again.
func (r *relay) ended() bool { return r.over.Swap(false) }

func (r *relay) active() bool { return r.passes.Load() != nil }

// refresh asks the source for a key picture, and notes since when one is waited for.
func (r *relay) refresh() {
	if s := r.source.Load(); s != nil {
		s.video.requestKeyframe()
		if r.active() {
			r.asked.CompareAndSwap(0, time.Now().UnixNano())
		}
	}
}

// answerWithin is how long viewers of what is passed on wait for a key picture of the source: more than refreshEvery,
// and less than what most cameras, which nobody can ask, take to the next one.
const answerWithin = 1500 * time.Millisecond

// unanswered tells whether s was asked for a key picture too long ago. If not yet, it is asked once more.
func (r *relay) unanswered(s *Source) bool {
	since := r.asked.Load()
	if since == 0 {
		return false
	}
	s.video.requestKeyframe()
	return time.Since(time.Unix(0, since)) > answerWithin
}

// stop gives the source up for good, whatever the view's ticker is just doing.
func (r *relay) stop(tap *picture) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.source.Swap(nil).untap(tap)
}

// relayProfiles are the H.264 profiles whose packets may be passed on; who reads one of them reads those before it.
var relayProfiles = []uint8{66, 77, 100} // a constant table

// fits tells whether viewers can decode what begins with key packet p, and do not get more than they asked for.
func (r *relay) fits(p mixer.Packet) bool {
	head, ok := codec.ReadHead(p)
	if !ok || p.Codec != r.key.id && p.Codec != r.key.also {
		return false
	}
	r.shape = shape{p.Codec, mixer.Size{W: head.Width, H: head.Height}}
	if r.key.exact && min(head.Width, head.Height) > min(r.key.size.W, r.key.size.H) {
		return false
	}
	return p.Codec != mixer.H264 || slices.Contains(relayProfiles, head.Profile) && head.Profile <= r.key.profile
}

// relayed puts a packet of the source on its way. It never blocks: when there is no room, composing goes on, and what
// comes next does not continue what waits.
func (r *picture) relayed(p relayed) {
	p.Lost = p.Lost || r.relay.gap.Load()
	select {
	case r.relay.packets <- p:
		r.relay.gap.Store(false)
	default:
		r.relay.gap.Store(true)
		r.relay.end()
	}
}

// pass passes p on as it is, if that is what the view wants and p can be.
func (r *picture) pass(p relayed) {
	if p.source != r.relay.source.Load() {
		return
	}
	goesOn := r.relay.goesOn(p)
	if r.relay.foreign || r.relay.mixedUp {
		r.relay.end()
		return
	}
	if p.Key {
		r.relay.asked.Store(0)
	} else if !goesOn || r.relay.unanswered(p.source) {
		r.relay.end()
		p.source.video.requestKeyframe()
		return
	}
	came := p.PTS
	p.PTS = r.relay.stamp(p.Packet, goesOn, p.due.Sub(r.cfg.Epoch), r.last)
	r.relay.came = came
	r.relay.begin(r.relay.shape)
	r.opened = true
	r.deliver([]mixer.Packet{p.Packet}, r.view.shows.Load())
}

// goesOn tells whether p continues what is passed on, and notes what keeps it from that. A key packet may begin
// anew at any time: senders start again, with another format or another clock.
func (r *relay) goesOn(p relayed) bool {
	if p.source != r.from {
		r.from, r.foreign, r.mixedUp = p.source, false, false
		r.end()
	}
	if p.Key {
		r.foreign = !r.fits(p.Packet)
	}
	now := r.passes.Load()
	passes := now != nil && now.id == p.Codec && !p.Lost
	step := p.PTS - r.came
	r.mixedUp = r.mixedUp || passes && step <= 0 && step > -maxStep && !p.Key
	return passes && step > 0 && step < maxStep
}

// maxStep is how far apart two pictures are at most; what is further is another clock.
const maxStep = lostAfter

// maxSlip is how far the source's clock may run away from the room's before a key packet sets it right.
const maxSlip = 150 * time.Millisecond

// stamp is p's time in the room, after last: it follows the time at which p is due, slowly.
func (r *relay) stamp(p mixer.Packet, passes bool, due, last time.Duration) time.Duration {
	if slip := due - p.PTS - r.offset; !passes || p.Key && slip.Abs() > maxSlip {
		r.offset += slip
	} else {
		r.offset += within(slip, (p.PTS-r.came)/syncSlew)
	}
	return max(p.PTS+r.offset, last+time.Millisecond)
}

// cutOnce cuts a packet into RTP payloads when the first viewer needs them.
func cutOnce(p mixer.Packet) func() [][]byte {
	return sync.OnceValue(func() [][]byte { return pack.Payloads(p.Codec, p.Data) })
}

// pass lets the renditions that can do so show a source's own packets, and returns those that are to be encoded.
func (v *view) pass(outs []*picture) []*picture {
	only := v.passable()
	return slices.DeleteFunc(outs, func(r *picture) bool {
		if r.key.profile == 0 {
			return false
		}
		r.relay.use(r, only)
		return r.relay.active()
	})
}

// passable is the source that the view shows alone and live; nil when it shows anything else, and before the first
// layout is there to go with what would come at once.
func (v *view) passable() *Source {
	if !v.spec.Alone() || v.scene.large == nil || v.shows.Load() == nil {
		return nil
	}
	if !v.scene.large.sends(time.Now()) {
		return nil
	}
	return v.scene.large
}
