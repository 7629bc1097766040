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
	// passQueue is the length of the queue of packets that wait to be passed through.
	passQueue = 64
	// maxStep is the longest step between the timestamps of two consecutive access units. A longer step, forward or
	// backward, means that the source's clock has jumped.
	maxStep = 2500 * time.Millisecond
	// maxSlip is the largest deviation of the viewers' timestamps from the room's clock. A larger deviation is corrected at
	// once, at the next keyframe.
	maxSlip = 150 * time.Millisecond
	// slew limits how fast the viewers' timestamps move towards the room's clock: by 1/slew of the time that passes.
	slew = 100
	// maxLate is the longest time by which the transit of an access unit may exceed the transit floor. A longer time means
	// that the source's clock has jumped, or that the network delivered nothing for that long.
	maxLate = 500 * time.Millisecond
	// keyframeTimeout is how long viewers wait for a keyframe that was requested from the source. Then the engine encodes
	// again. The timeout is longer than the second between two requests. It is shorter than the keyframe interval of most
	// cameras, and most cameras make no keyframe on request.
	keyframeTimeout = 1500 * time.Millisecond
)

// passProfiles are the values of H.264's profile_idc that may be passed through: Baseline, Main and High. A decoder of one
// profile also decodes the profiles before it in the list. The list is constant.
var passProfiles = []uint8{66, 77, 100}

// passthrough sends a source's own packets to the subscriptions of a rendition, while the view of the rendition shows
// only this source. The engine then neither decodes nor encodes for the rendition. Passthrough starts at a keyframe of the
// source. When a packet cannot be passed through, passthrough ends, and the engine encodes again.
type passthrough struct {
	rendition    *rendition
	packets      chan offeredUnit
	quit         chan struct{} // closed by stop
	dropped      atomic.Bool   // the newest packet was dropped because the queue was full
	waitingSince atomic.Int64  // since when viewers wait for a keyframe, in Unix nanoseconds; zero: they do not wait

	number atomic.Uint64          // number of the newest offer
	source atomic.Pointer[Source] // source of the newest offer; nil if the offer was withdrawn

	mu      sync.Mutex
	tap     *Tap // reads source; nil if source is nil
	stopped bool

	// Owned by run.
	current     *Source                // the source of the newest packet
	unfit       bool                   // the viewers cannot decode the newest keyframe of current, or it is too large
	reordered   bool                   // current sends access units that are not in the order of their timestamps
	format      format                 // format of the newest keyframe of current
	offset      time.Duration          // media time minus PTS, for the packets of current
	previous    time.Duration          // PTS, on the source's clock, of the packet that was sent last
	floors      map[int]*transit.Floor // the transit floor of each layer of floorSource
	floorSource *Source                // the source of the packet that was scheduled last
}

// offeredUnit is an access unit of an offered source, with the number of the offer.
type offeredUnit struct {
	TappedUnit
	offer uint64
}

func newPassthrough(r *rendition) *passthrough {
	return &passthrough{rendition: r, packets: make(chan offeredUnit, passQueue), quit: make(chan struct{}), floors: map[int]*transit.Floor{}}
}

// offer handles OfferPassthrough: s becomes the source that may be passed through. A nil s withdraws the last offer.
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
		p.tap = s.Tap(func(t TappedUnit) { p.push(offeredUnit{t, number}) })
	}
	p.mu.Unlock()
	p.resumeEncoding()
	if s != nil {
		s.requestKeyframe()
	}
}

// push queues a packet. If the queue is full, push drops the packet, and the engine encodes again. The next queued packet
// then has Lost set.
func (p *passthrough) push(o offeredUnit) {
	o.Lost = o.Lost || p.dropped.Load()
	select {
	case p.packets <- o:
		p.dropped.Store(false)
	default:
		p.dropped.Store(true)
		p.resumeEncoding()
	}
}

// run takes packets from the queue, and passes each packet through when the packet is due. It returns after stop.
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

// sleep waits until due. It returns false if the passthrough was stopped.
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

// schedule returns when the packet is due. That is the arrival of the packet, plus the delay by which the engine delays the
// video of the source for lip sync. The time by which the packet's transit exceeds the transit floor is subtracted, so that
// packets are sent without the jitter of the network.
func (p *passthrough) schedule(o offeredUnit) time.Time {
	if p.floorSource != o.Source {
		p.floors, p.floorSource = map[int]*transit.Floor{}, o.Source
	}
	floor := p.floors[o.Layer]
	if floor == nil {
		floor = &transit.Floor{}
		p.floors[o.Layer] = floor
	}
	arrived := o.Came.Sub(p.rendition.hub.cfg.Epoch)
	floor.Add(arrived, arrived-o.PTS)
	late := arrived - o.PTS - floor.Value()
	if late > maxLate { // the source's clock has jumped, or nothing came for that long
		late, *floor = 0, transit.Floor{}
		floor.Add(arrived, arrived-o.PTS)
	}
	return o.Came.Add(time.Duration(o.Source.delay.Load()) - late)
}

// pass sends o unchanged if the viewers can decode o. Otherwise the engine encodes again. If the source of o is no longer
// offered, o is discarded. Passthrough does not start at a keyframe that is not exact, because browsers and recordings cannot
// start there. It goes on over such a keyframe, which then counts as an ordinary packet.
func (p *passthrough) pass(o offeredUnit, due time.Time) {
	if o.Source != p.source.Load() {
		return
	}
	continues, exact := p.inspect(o), keyframe.IsExact(o.Packet)
	p.unfit = p.unfit || o.Key && !exact && !continues
	o.Key = exact
	switch {
	case p.unfit || p.reordered:
		p.resumeEncoding()
		return
	case o.Key:
		p.waitingSince.Store(0)
	case !continues || p.unanswered(o.Source):
		p.resumeEncoding()
		o.Source.requestKeyframe()
		return
	}
	p.send(o, due, continues)
}

// send delivers o to all subscriptions, with its media time as PTS. When passthrough starts with o, send tells the engine not
// to encode any more.
func (p *passthrough) send(o offeredUnit, due time.Time, continues bool) {
	r := p.rendition
	r.mu.Lock()
	if p.number.Load() != o.offer || r.layout == nil {
		r.mu.Unlock()
		return
	}
	passing := p.format
	starts := r.passingFormat.Swap(&passing) == nil
	r.needsKeyframe = true // the viewers do not get the frames that the encoder's next packets refer to
	packet := o.Packet
	packet.PTS = p.mediaTime(packet, continues, due.Sub(r.hub.cfg.Epoch), r.lastPTS)
	p.previous = o.PTS
	moved := r.sendToAll(packet)
	r.mu.Unlock()
	if starts {
		r.hub.engine.Send(mixer.SetPassthrough{Rendition: r.id, Offer: o.offer, Active: true})
	}
	r.hub.leave(moved)
}

// inspect updates current, unfit and reordered for o. It reports whether o continues the packets that are passed through:
// nothing was lost before o, its codec is the same, and its timestamp is a little later. A keyframe may be passed through even
// if it continues nothing, because senders restart with another format or another clock.
func (p *passthrough) inspect(o offeredUnit) bool {
	if o.Source != p.current {
		p.current, p.unfit, p.reordered = o.Source, false, false
		p.resumeEncoding()
	}
	if o.Key {
		p.unfit = !p.fits(o.Packet)
	}
	passing := p.rendition.passingFormat.Load()
	complete := passing != nil && passing.codec == o.Codec && !o.Lost
	step := o.PTS - p.previous
	p.reordered = p.reordered || complete && step <= 0 && step > -maxStep && !o.Key
	return complete && step > 0 && step < maxStep
}

// fits reports whether the video that starts with this keyframe can be passed through: the viewers can decode the video, it is
// not larger than the viewers asked for, and it is not interlaced, because browsers show both fields at once. fits stores the
// format of the keyframe.
func (p *passthrough) fits(keyPacket mixer.Packet) bool {
	info := p.rendition.info
	head, ok := keyframe.Read(keyPacket)
	if !ok || head.Fields || keyPacket.Codec != info.Codec && keyPacket.Codec != info.Also {
		return false
	}
	p.format = format{keyPacket.Codec, mixer.Size{W: head.Width, H: head.Height}}
	if info.Exact && min(head.Width, head.Height) > min(info.Size.W, info.Size.H) {
		return false
	}
	return keyPacket.Codec != mixer.H264 || slices.Contains(passProfiles, head.Profile) && head.Profile <= info.Profile
}

// mediaTime converts the PTS of a packet to media time. target is the media time at which the packet is sent. If the packet
// continues the packets before it, mediaTime changes the offset between the two clocks slowly, so that the result approaches
// target. Otherwise the result is target. A keyframe that deviates from target by more than maxSlip gets target as well. The
// result is at least 1 ms after lastPTS, the media time of the packet before.
func (p *passthrough) mediaTime(packet mixer.Packet, continues bool, target, lastPTS time.Duration) time.Duration {
	if slip := target - packet.PTS - p.offset; !continues || packet.Key && slip.Abs() > maxSlip {
		p.offset += slip
	} else {
		most := (packet.PTS - p.previous) / slew
		p.offset += min(max(slip, -most), most)
	}
	return max(packet.PTS+p.offset, lastPTS+time.Millisecond)
}

// resumeEncoding ends passthrough, if it is active: the subscriptions get the encoder's packets again. A later keyframe of the
// source may start passthrough again.
func (p *passthrough) resumeEncoding() {
	p.waitingSince.Store(0)
	r := p.rendition
	if r.passingFormat.Swap(nil) != nil {
		r.hub.engine.Send(mixer.SetPassthrough{Rendition: r.id, Offer: p.number.Load(), Active: false})
	}
}

// keyframeRequested notes that viewers wait for a keyframe of the source from now on. It has no effect if viewers already wait,
// or while the encoder's packets are delivered.
func (p *passthrough) keyframeRequested() {
	if p.rendition.passingFormat.Load() != nil {
		p.waitingSince.CompareAndSwap(0, time.Now().UnixNano())
	}
}

// unanswered reports whether viewers have waited for a keyframe of s for longer than keyframeTimeout. While viewers wait, each
// call requests the keyframe again.
func (p *passthrough) unanswered(s *Source) bool {
	since := p.waitingSince.Load()
	if since == 0 {
		return false
	}
	s.requestKeyframe()
	return time.Since(time.Unix(0, since)) > keyframeTimeout
}

// stop closes the tap and ends run. It may be called twice.
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
