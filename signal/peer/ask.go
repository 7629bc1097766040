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

// limitEvery is how often a limit is repeated: the packet that brought it may be lost.
const limitEvery = 2 * time.Second

// asker sends what the client is asked for.
func (p *Peer) asker(pc *webrtc.PeerConnection) {
	var again <-chan time.Time // nil before the first limit
	var limit float32
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.refresh:
			askForKeys(pc)
		case d := <-p.demands:
			limit = bitrateFor(d, p.layers(), p.opts.Audio)
			askForLess(pc, limit)
			again = time.After(limitEvery)
		case <-again:
			askForLess(pc, limit)
			again = time.After(limitEvery)
		}
	}
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
