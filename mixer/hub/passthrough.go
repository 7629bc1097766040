package hub

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec/keyframe"
	"azulejo/mixer"
	"azulejo/mixer/transit"
)

const (
	// passQueue is how many packets of a source may wait for being passed through.
	passQueue = 64
	// maxStep is how far apart two access units are at most; what is further apart is another clock.
	maxStep = 2500 * time.Millisecond
	// maxSlip is how far the source's clock may run away from the room's before a keyframe sets it right.
	maxSlip = 150 * time.Millisecond
	// slew is the share of the passing time by which timestamps follow the room's clock: one part in so many.
	slew = 100
	// maxLate is how much later than its neighbours an access unit may come; beyond, its clock was set anew.
	maxLate = 500 * time.Millisecond
	// answerWithin is how long viewers wait for a keyframe of the source: more than the second between two requests,
	// and less than most cameras, which cannot be asked, take to the next one.
	answerWithin = 1500 * time.Millisecond
)

// passProfiles are the H.264 profiles that may be passed through. A decoder of one of them decodes those before it.
var passProfiles = []uint8{66, 77, 100} // a constant table

// passthrough sends a source's own packets to the subscriptions of a rendition whose view shows nothing else, so that
// nothing is decoded or encoded for them. It begins at a keyframe. Whatever does not fit ends it, and the engine encodes
// again.
type passthrough struct {
	rendition *rendition
	packets   chan offered
	quit      chan struct{}
	gap       atomic.Bool  // the newest packet found no room
	asked     atomic.Int64 // since when a keyframe is awaited, in Unix nanoseconds; zero: none is

	number atomic.Uint64          // of the newest offer
	source atomic.Pointer[Source] // of the newest offer; nil for none

	mu      sync.Mutex
	tap     *Tap
	stopped bool

	// Owned by run.
	from       *Source // of the newest packet
	unfit      bool    // from's newest keyframe cannot be decoded by the viewers, or is too large
	reordered  bool    // from's access units do not come in the order of their times
	format     format  // of from's newest keyframe
	offset     time.Duration
	previous   time.Duration          // PTS of the packet before, on the source's clock
	transits   map[int]*transit.Floor // of transitsOf, by layer
	transitsOf *Source
}

// offered is a packet of the source of an offer.
type offered struct {
	TappedUnit
	offer uint64
}

func newPassthrough(r *rendition) *passthrough {
	return &passthrough{rendition: r, packets: make(chan offered, passQueue), quit: make(chan struct{}), transits: map[int]*transit.Floor{}}
}

// offer makes s the source that may be passed through; nil withdraws the offer before.
func (p *passthrough) offer(number uint64, s *Source) {
	p.mu.Lock()
	if p.stopped || number <= p.number.Load() {
		p.mu.Unlock()
		return
	}
	p.number.Store(number)
	p.source.Store(s)
	p.tap.Close()
	p.tap = nil
	if s != nil {
		p.tap = s.Tap(func(t TappedUnit) { p.push(offered{t, number}) })
	}
	p.mu.Unlock()
	p.end()
	if s != nil {
		s.requestKeyframe()
	}
}

// push queues a packet. When there is no room, the engine encodes again, and what comes next does not continue what waits.
func (p *passthrough) push(o offered) {
	o.Lost = o.Lost || p.gap.Load()
	select {
	case p.packets <- o:
		p.gap.Store(false)
	default:
		p.gap.Store(true)
		p.end()
	}
}

// run passes packets through when they are due, until stop.
func (p *passthrough) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.quit:
			return
		case o := <-p.packets:
			due := p.schedule(o)
			if !p.sleep(timer, due) {
				return
			}
			p.pass(o, due)
		}
	}
}

// sleep waits until due; false means that the passthrough was stopped.
func (p *passthrough) sleep(timer *time.Timer, due time.Time) bool {
	wait := time.Until(due)
	if wait <= 0 {
		return true
	}
	timer.Reset(wait)
	select {
	case <-p.quit:
		return false
	case <-timer.C:
		return true
	}
}

// schedule tells when the packet is to be shown: after the delay by which the engine holds the video of the source, less
// what its network has made it wait already.
func (p *passthrough) schedule(o offered) time.Time {
	if p.transitsOf != o.Source {
		p.transits, p.transitsOf = map[int]*transit.Floor{}, o.Source
	}
	floor := p.transits[o.Layer]
	if floor == nil {
		floor = &transit.Floor{}
		p.transits[o.Layer] = floor
	}
	came := o.Came.Sub(p.rendition.hub.cfg.Epoch)
	floor.Add(came, came-o.PTS)
	late := came - o.PTS - floor.Value()
	if late > maxLate { // another clock, or nothing came for as long
		late, *floor = 0, transit.Floor{}
		floor.Add(came, came-o.PTS)
	}
	return o.Came.Add(time.Duration(o.Source.delay.Load()) - late)
}

// pass sends o as it is, if it is of the offered source and can be sent.
func (p *passthrough) pass(o offered, due time.Time) {
	if o.Source != p.source.Load() {
		return
	}
	continues := p.continues(o)
	switch {
	case p.unfit || p.reordered:
		p.end()
		return
	case o.Key:
		p.asked.Store(0)
	case !continues || p.unanswered(o.Source):
		p.end()
		o.Source.requestKeyframe()
		return
	}
	p.send(o, due, continues)
}

// send delivers o with its time in the room. The first packet stops the encoder.
func (p *passthrough) send(o offered, due time.Time, continues bool) {
	r, came := p.rendition, o.PTS
	r.mu.Lock()
	if p.number.Load() != o.offer || r.layout == nil {
		r.mu.Unlock()
		return
	}
	is := p.format
	begins := r.passed.Swap(&is) == nil
	r.keyNext = true // the viewers will lack what the encoder's next packets refer to
	packet := o.Packet
	packet.PTS = p.stamp(packet, continues, due.Sub(r.hub.cfg.Epoch), r.last)
	p.previous = came
	left := r.share(packet)
	r.mu.Unlock()
	if begins {
		r.hub.engine.Send(mixer.SetPassthrough{Rendition: r.id, Offer: o.offer, Active: true})
	}
	r.hub.leave(left)
}

// continues tells whether o goes on with what is passed through, and notes what keeps it from that. A keyframe may begin
// anew at any time: senders start again, with another format or another clock.
func (p *passthrough) continues(o offered) bool {
	if o.Source != p.from {
		p.from, p.unfit, p.reordered = o.Source, false, false
		p.end()
	}
	if o.Key {
		p.unfit = !p.fits(o.Packet)
	}
	now := p.rendition.passed.Load()
	passes := now != nil && now.codec == o.Codec && !o.Lost
	step := o.PTS - p.previous
	p.reordered = p.reordered || passes && step <= 0 && step > -maxStep && !o.Key
	return passes && step > 0 && step < maxStep
}

// fits tells whether the viewers can decode what begins with this keyframe, and do not get more than they asked for.
func (p *passthrough) fits(k mixer.Packet) bool {
	info := p.rendition.info
	is, ok := keyframe.Read(k)
	if !ok || k.Codec != info.Codec && k.Codec != info.Also {
		return false
	}
	p.format = format{k.Codec, mixer.Size{W: is.Width, H: is.Height}}
	if info.Exact && min(is.Width, is.Height) > min(info.Size.W, info.Size.H) {
		return false
	}
	return k.Codec != mixer.H264 || slices.Contains(passProfiles, is.Profile) && is.Profile <= info.Profile
}

// stamp is the time of k in the room, after last: it follows slowly the time at which k is due.
func (p *passthrough) stamp(k mixer.Packet, continues bool, due, last time.Duration) time.Duration {
	if slip := due - k.PTS - p.offset; !continues || k.Key && slip.Abs() > maxSlip {
		p.offset += slip
	} else {
		most := (k.PTS - p.previous) / slew
		p.offset += min(max(slip, -most), most)
	}
	return max(k.PTS+p.offset, last+time.Millisecond)
}

// end goes back to what the engine encodes.
func (p *passthrough) end() {
	p.asked.Store(0)
	r := p.rendition
	if r.passed.Swap(nil) != nil {
		r.hub.engine.Send(mixer.SetPassthrough{Rendition: r.id, Offer: p.number.Load(), Active: false})
	}
}

// keyframeRequested notes since when a keyframe of the source is awaited.
func (p *passthrough) keyframeRequested() {
	if p.rendition.passed.Load() != nil {
		p.asked.CompareAndSwap(0, time.Now().UnixNano())
	}
}

// unanswered tells whether a keyframe was requested of s too long ago. If not yet, it is requested once more.
func (p *passthrough) unanswered(s *Source) bool {
	since := p.asked.Load()
	if since == 0 {
		return false
	}
	s.requestKeyframe()
	return time.Since(time.Unix(0, since)) > answerWithin
}

// stop ends the passthrough for good. It may be called twice.
func (p *passthrough) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tap.Close()
	p.tap = nil
	p.source.Store(nil)
	if !p.stopped {
		p.stopped = true
		close(p.quit)
	}
}
