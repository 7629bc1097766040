package peer

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

// RequestKeyframe requests a keyframe of the client's video, in all its layers: browsers make them together anyway.
// It never blocks and may be called at any time. Requests that come faster than they can be sent become one.
func (p *Peer) RequestKeyframe() {
	select {
	case p.keyframeRequests <- struct{}{}:
	default:
	}
}

// Demand limits the bitrate of the client to what the use of its video needs. It never blocks and may be called at
// any time. A newer demand replaces one that has not been handled yet.
func (p *Peer) Demand(d mixer.Demand) {
	for {
		select {
		case p.demands <- d:
			return
		default:
		}
		select {
		case <-p.demands: // replaced by d
		default:
		}
	}
}

const (
	limitInterval = 2 * time.Second // the limit is repeated this often: its packet may be lost
	// lowerDelay is how long a tile has to be smaller before the limit falls. Chromium, limited to the least, takes
	// 10 s (H.264) to 25 s (VP8) until it sends all its pixels again. A tile that vanishes and returns should not
	// cost that.
	lowerDelay = 5 * time.Second
)

// requester sends keyframe requests and bitrate limits to the client.
func (p *Peer) requester(pc *webrtc.PeerConnection) {
	var l bitrateLimit
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.keyframeRequests:
			sendPLI(pc)
			continue
		case d := <-p.demands:
			if !l.update(bitrateFor(d, p.layerCount(), p.opts.Audio)) {
				continue
			}
		case <-l.lower:
			l.current, l.lower = l.pending, nil
		case <-l.repeat:
		}
		sendREMB(pc, l.current)
		l.repeat = time.After(limitInterval)
	}
}

// bitrateLimit is the limit that the client has. The channels are nil, and never ready, while nothing is scheduled.
type bitrateLimit struct {
	current float32          // bits a second; zero before the first
	pending float32          // replaces current when lower fires
	lower   <-chan time.Time // fires when the limit falls
	repeat  <-chan time.Time // fires when current is sent again
}

// update sets another limit in bits a second and tells whether to send it now. A higher limit is sent at once, a lower
// one after lowerDelay.
func (l *bitrateLimit) update(rate float32) bool {
	if l.current == 0 || rate < l.current {
		l.pending = rate
		if l.lower == nil {
			l.lower = time.After(lowerDelay)
		}
		return false
	}
	changed := rate > l.current
	l.current, l.lower = rate, nil
	return changed
}

func (p *Peer) layerCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rids)
}

// Bitrates in bits a second.
const (
	bitsPerPixel = 2.5       // 0.1 bit a pixel at 25 frames a second, good quality of realtime encoders
	minVideoRate = 80_000    // video that nobody watches still has to be there for the next viewer
	maxVideoRate = 2_500_000 // Chromium's own limit for any video
	audioRate    = 48_000    // the limit is for audio and video together
)

// bitrateFor is the highest useful bitrate for the largest tile of a client. With simulcast the smaller layers, each a
// quarter of the next one, come on top of the largest.
func bitrateFor(d mixer.Demand, layers int, audio bool) float32 {
	rate := bitsPerPixel * float32(d.Width) * float32(d.Height)
	if layers > 1 {
		rate *= 4. / 3
	}
	rate = min(max(rate, minVideoRate), maxVideoRate)
	if audio {
		rate += audioRate
	}
	return rate
}

// sendPLI requests keyframes. An error means that the connection is closing or not up yet; the request is pointless then.
func sendPLI(pc *webrtc.PeerConnection) {
	for _, ssrc := range videoSSRCs(pc) {
		_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
	}
}

// sendREMB sends a limit in bits a second (draft-alvestrand-rmcat-remb-03). Chromium uses it as a ceiling beside its
// own estimate by transport-wide feedback. An error means the same as in sendPLI.
func sendREMB(pc *webrtc.PeerConnection, limit float32) {
	if ssrcs := videoSSRCs(pc); len(ssrcs) > 0 {
		_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: limit, SSRCs: ssrcs}})
	}
}

// videoSSRCs are the SSRCs of all video tracks of the client that have begun.
func videoSSRCs(pc *webrtc.PeerConnection) []uint32 {
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
