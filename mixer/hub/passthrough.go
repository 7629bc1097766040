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
	// passQueue is how many packets of a source may wait until they are passed through.
	passQueue = 64
	// maxStep limits the step between the timestamps of two consecutive access units. A longer step, forward or
	// backward, means that the source's clock was set anew.
	maxStep = 2500 * time.Millisecond
	// maxSlip limits how far the timestamps that viewers get may deviate from the room's clock at a keyframe. A larger
	// deviation is corrected at once.
	maxSlip = 150 * time.Millisecond
	// slew limits how fast timestamps move towards the room's clock: by 1/100 of the time that passes.
	slew = 100
	// maxLate limits the network delay of an access unit beyond the least delay of those before it. A longer delay
	// means that the source's clock was set anew, or that nothing came for that long.
	maxLate = 500 * time.Millisecond
	// answerWithin is how long viewers wait for a keyframe that was requested of the source. Then the engine encodes
	// again. This is longer than the second between two requests, and shorter than the keyframe interval of most
	// cameras, which make no keyframe on request.
	answerWithin = 1500 * time.Millisecond
)

// passProfiles are the values of profile_idc of H.264 that may be passed through. A decoder of one profile also decodes
// the profiles before it in the list.
var passProfiles = []uint8{66, 77, 100} // a constant table

// passthrough sends a source's own packets to the subscriptions of a rendition, while the view of the rendition shows
// only this source. The engine then neither decodes nor encodes for them. Passing through starts at a keyframe of the
// source. It ends when a packet cannot be passed through, and the engine encodes again.
type passthrough struct {
	rendition *rendition
	packets   chan offered
	quit      chan struct{}
	dropped   atomic.Bool  // the newest packet was dropped because the queue was full
	waiting   atomic.Int64 // since when viewers wait for a keyframe, in Unix nanoseconds; zero: they do not wait

	number atomic.Uint64          // of the newest offer
	source atomic.Pointer[Source] // of the newest offer; nil if it was withdrawn

	mu      sync.Mutex
	tap     *Tap
	stopped bool

	// Owned by run.
	current    *Source                // the source of the newest packet
	unfit      bool                   // the viewers cannot decode the newest keyframe of current, or it is too large
	reordered  bool                   // current sends access units that are not in the order of their timestamps
	format     format                 // of the newest keyframe of current
	offset     time.Duration          // what is added to the PTS of a packet of current to get its media time
	previous   time.Duration          // PTS of the packet that was sent last, on the clock of its source
	transits   map[int]*transit.Floor // the transit floors of transitsOf, by layer
	transitsOf *Source                // the source whose packet was scheduled last
}

// offered is a packet of an offered source, with the number of the offer.
type offered struct {
	TappedUnit
	offer uint64
}

func newPassthrough(r *rendition) *passthrough {
	return &passthrough{rendition: r, packets: make(chan offered, passQueue), quit: make(chan struct{}), transits: map[int]*transit.Floor{}}
}

// offer makes s the source that may be passed through. Nil withdraws the last offer.
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

// push queues a packet. If the queue is full, the packet is dropped, and the engine encodes again. The next packet that
// is queued is then marked as Lost.
func (p *passthrough) push(o offered) {
	o.Lost = o.Lost || p.dropped.Load()
	select {
	case p.packets <- o:
		p.dropped.Store(false)
	default:
		p.dropped.Store(true)
		p.end()
	}
}

// run takes packets from the queue and passes each of them through when it is due. It returns after stop.
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

// schedule returns when the packet is due. The engine delays the video of the source for lip sync, and schedule adds
// the same delay to the packet's arrival. It subtracts by how much longer than the transit floor this packet was on its way.
func (p *passthrough) schedule(o offered) time.Time {
	if p.transitsOf != o.Source {
		p.transits, p.transitsOf = map[int]*transit.Floor{}, o.Source
	}
	floor := p.transits[o.Layer]
	if floor == nil {
		floor = &transit.Floor{}
		p.transits[o.Layer] = floor
	}
	arrived := o.Came.Sub(p.rendition.hub.cfg.Epoch)
	floor.Add(arrived, arrived-o.PTS)
	late := arrived - o.PTS - floor.Value()
	if late > maxLate { // the clock was set anew, or nothing came for that long
		late, *floor = 0, transit.Floor{}
		floor.Add(arrived, arrived-o.PTS)
	}
	return o.Came.Add(time.Duration(o.Source.delay.Load()) - late)
}

// pass sends o unchanged if the viewers can decode it. Otherwise the engine encodes again. A packet of a source that is
// not offered any more is discarded.
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
		p.waiting.Store(0)
	case !continues || p.unanswered(o.Source):
		p.end()
		o.Source.requestKeyframe()
		return
	}
	p.send(o, due, continues)
}

// send delivers o to all subscriptions, with its media time as PTS. At the first packet it tells the engine to stop encoding.
func (p *passthrough) send(o offered, due time.Time, continues bool) {
	r := p.rendition
	r.mu.Lock()
	if p.number.Load() != o.offer || r.layout == nil {
		r.mu.Unlock()
		return
	}
	passing := p.format
	starts := r.passingFormat.Swap(&passing) == nil
	r.needsKeyframe = true // the viewers do not get the frames to which the encoder's next packets refer
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

// continues tells whether o continues the packets that are passed through: nothing was lost before it, and its codec
// and timestamp follow on theirs. It also updates unfit and reordered. A keyframe does not have to continue anything,
// because senders restart, with another format or another clock.
func (p *passthrough) continues(o offered) bool {
	if o.Source != p.current {
		p.current, p.unfit, p.reordered = o.Source, false, false
		p.end()
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

// fits tells whether the viewers can decode the video that starts with this keyframe, and whether the video is not
// larger than they asked for. It stores the format of the keyframe.
func (p *passthrough) fits(keyPacket mixer.Packet) bool {
	info := p.rendition.info
	head, ok := keyframe.Read(keyPacket)
	if !ok || keyPacket.Codec != info.Codec && keyPacket.Codec != info.Also {
		return false
	}
	p.format = format{keyPacket.Codec, mixer.Size{W: head.Width, H: head.Height}}
	if info.Exact && min(head.Width, head.Height) > min(info.Size.W, info.Size.H) {
		return false
	}
	return keyPacket.Codec != mixer.H264 || slices.Contains(passProfiles, head.Profile) && head.Profile <= info.Profile
}

// mediaTime converts the PTS of a packet to media time, at least 1 ms after last. While packets continue each other,
// the offset between the two clocks changes slowly, so that the result moves towards due. The result jumps to due if
// the packet continues nothing, or if it is a keyframe and the difference is larger than maxSlip.
func (p *passthrough) mediaTime(packet mixer.Packet, continues bool, due, last time.Duration) time.Duration {
	if slip := due - packet.PTS - p.offset; !continues || packet.Key && slip.Abs() > maxSlip {
		p.offset += slip
	} else {
		most := (packet.PTS - p.previous) / slew
		p.offset += min(max(slip, -most), most)
	}
	return max(packet.PTS+p.offset, last+time.Millisecond)
}

// end stops passing through: the subscriptions get the encoder's packets again, and the engine is told.
func (p *passthrough) end() {
	p.waiting.Store(0)
	r := p.rendition
	if r.passingFormat.Swap(nil) != nil {
		r.hub.engine.Send(mixer.SetPassthrough{Rendition: r.id, Offer: p.number.Load(), Active: false})
	}
}

// keyframeRequested notes that viewers wait for a keyframe of the source from now on, unless they already do. It has no
// effect while the encoder's packets are delivered.
func (p *passthrough) keyframeRequested() {
	if p.rendition.passingFormat.Load() != nil {
		p.waiting.CompareAndSwap(0, time.Now().UnixNano())
	}
}

// unanswered tells whether viewers have waited for a keyframe of s for longer than answerWithin. While they wait, it
// requests the keyframe again.
func (p *passthrough) unanswered(s *Source) bool {
	since := p.waiting.Load()
	if since == 0 {
		return false
	}
	s.requestKeyframe()
	return time.Since(time.Unix(0, since)) > answerWithin
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
