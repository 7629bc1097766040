package peer

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

// RequestKeyframe asks the client for a picture that decoding can begin at, in all its layers: browsers make
// them together anyway. It never blocks and may be called at any time; requests that come faster than they
// can be sent become one.
func (p *Peer) RequestKeyframe() {
	select {
	case p.refresh <- struct{}{}:
	default:
	}
}

// Demand tells the client, by a limit of its bitrate, what is made of its picture. It never blocks and may be
// called at any time; only the last word counts.
func (p *Peer) Demand(d mixer.Demand) {
	for {
		select {
		case p.demands <- d:
			return
		default:
		}
		select {
		case <-p.demands: // nobody needs the one before
		default:
		}
	}
}

const (
	limitEvery = 2 * time.Second // how often a limit is repeated: the packet that brought it may be lost
	// lowerAfter is how long a tile has to be smaller before less is asked for. Chromium, told the least, takes
	// 10 (H.264) to 25 s (VP8) until it sends all its pixels again: what vanishes and returns should not cost that.
	lowerAfter = 5 * time.Second
)

// asker sends what the client is asked for.
func (p *Peer) asker(pc *webrtc.PeerConnection) {
	var l limit
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.refresh:
			askForKeys(pc)
			continue
		case d := <-p.demands:
			if !l.follow(bitrateFor(d, p.layers(), p.opts.Audio)) {
				continue
			}
		case <-l.lower:
			l.now, l.lower = l.next, nil
		case <-l.again:
		}
		askForLess(pc, l.now)
		l.again = time.After(limitEvery)
	}
}

// limit is what the client was told; channels are nil, and never ready, while there is nothing to wait for.
type limit struct {
	now   float32 // zero: nothing yet
	next  float32 // from lower on
	lower <-chan time.Time
	again <-chan time.Time
}

// follow takes a rate and tells whether the client is to be told at once: more is given at once, less later.
func (l *limit) follow(rate float32) bool {
	if l.now == 0 || rate < l.now {
		l.next = rate
		if l.lower == nil {
			l.lower = time.After(lowerAfter)
		}
		return false
	}
	changed := rate > l.now
	l.now, l.lower = rate, nil
	return changed
}

func (p *Peer) layers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rids)
}

// Bitrates in bits a second.
const (
	perPixel  = 2.5       // 0.1 bit a pixel at 25 pictures a second, good quality of realtime encoders
	leastRate = 80_000    // a picture that nobody sees still has to be there when somebody comes
	mostRate  = 2_500_000 // what Chromium allows itself for any picture
	soundRate = 48_000    // a limit is for all that is sent together
)

// bitrateFor is what a client should send at most for its largest tile. The smaller layers of simulcast, each
// a quarter of the next one, come on top of the one that is used.
func bitrateFor(d mixer.Demand, layers int, sound bool) float32 {
	rate := perPixel * float32(d.Width) * float32(d.Height)
	if layers > 1 {
		rate *= 4. / 3
	}
	rate = min(max(rate, leastRate), mostRate)
	if sound {
		rate += soundRate
	}
	return rate
}

// An error of the two below means that the connection is going or not there yet: nobody to ask.

func askForKeys(pc *webrtc.PeerConnection) {
	for _, ssrc := range pictures(pc) {
		_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
	}
}

// askForLess sends REMB (draft-alvestrand-rmcat-remb-03). Chromium takes it as a ceiling beside its own
// estimate by transport-wide feedback.
func askForLess(pc *webrtc.PeerConnection, limit float32) {
	if ssrcs := pictures(pc); len(ssrcs) > 0 {
		_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: limit, SSRCs: ssrcs}})
	}
}

// pictures are the SSRCs of all picture tracks that came.
func pictures(pc *webrtc.PeerConnection) []uint32 {
	var all []uint32
	for _, r := range pc.GetReceivers() {
		for _, t := range r.Tracks() {
			if t.Kind() == webrtc.RTPCodecTypeVideo && t.SSRC() != 0 {
				all = append(all, uint32(t.SSRC()))
			}
		}
	}
	return all
}
