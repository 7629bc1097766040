package peer

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

// RequestKeyframe requests a keyframe of every layer of the client's video. Browsers make the keyframes of all layers
// together anyway. RequestKeyframe never blocks and may be called at any time. Requests that come faster than they are sent
// become one request.
func (p *Peer) RequestKeyframe() {
	select {
	case p.keyframeRequests <- struct{}{}:
	default:
	}
}

// Demand limits the bitrate of the client's video to the bitrate that the largest tile of the video needs. Demand never
// blocks and may be called at any time. A newer demand replaces a demand that has not been handled yet.
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
	// limitInterval is the time after which a limit is sent again, because its packet may be lost.
	limitInterval = 2 * time.Second

	// lowerDelay is how long a lower limit waits before it is sent. After the lowest limit, Chromium needs 10 s (H.264) to
	// 25 s (VP8) until it sends its full size again. The delay avoids that when a tile only disappears for a moment.
	lowerDelay = 5 * time.Second
)

// requester sends keyframe requests and bitrate limits to the client until the connection ends.
func (p *Peer) requester(pc *webrtc.PeerConnection) {
	var limit bitrateLimit
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.keyframeRequests:
			sendPLI(pc)
			continue
		case d := <-p.demands:
			if !limit.update(bitrateFor(d, p.layerCount(), p.opts.Audio)) {
				continue
			}
		case <-limit.lower:
			limit.current, limit.lower = limit.pending, nil
		case <-limit.repeat:
		}
		sendREMB(pc, limit.current)
		limit.repeat = time.After(limitInterval)
	}
}

// bitrateLimit is the limit that was sent to the client, in bits a second, and the lower limit that may follow it.
type bitrateLimit struct {
	current float32          // the limit that was sent last; zero: none yet
	pending float32          // replaces current when lower fires
	lower   <-chan time.Time // fires when pending must be sent; nil if there is no lower limit
	repeat  <-chan time.Time // fires when current must be sent again; nil if no limit was sent
}

// update sets another limit, in bits a second, and reports whether it must be sent now. A higher limit is sent at once. A
// lower limit, and the first limit, waits for lowerDelay.
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

// layerCount returns the number of video layers that the client negotiated.
func (p *Peer) layerCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rids)
}

// Bitrates in bits a second.
const (
	bitsPerPixel = 2.5       // 0.1 bit for each pixel of a frame, at 25 frames a second: good quality of realtime encoders
	minVideoRate = 80_000    // video that nobody watches continues, so that it is there for the next viewer
	maxVideoRate = 2_500_000 // Chromium's own limit for one video
	audioRate    = 48_000    // added if the client sends audio too, because REMB limits audio and video together
)

// bitrateFor returns the highest useful bitrate of a client, in bits a second. d has the size of its largest tile. With
// simulcast the client also sends the smaller layers. Each has a quarter of the pixels of the next larger layer, so all
// layers together need 4/3 of the largest.
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

// sendPLI requests a keyframe of each video track. It ignores errors: they mean that the connection is not up yet or is
// closing, and then no keyframe is needed.
func sendPLI(pc *webrtc.PeerConnection) {
	for _, ssrc := range videoSSRCs(pc) {
		_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
	}
}

// sendREMB sends a limit in bits a second (draft-alvestrand-rmcat-remb-03). Chromium sends no more than this limit and no
// more than its own estimate, which it makes from TWCC feedback. sendREMB ignores errors for the same reason as sendPLI.
func sendREMB(pc *webrtc.PeerConnection, limit float32) {
	if ssrcs := videoSSRCs(pc); len(ssrcs) > 0 {
		_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: limit, SSRCs: ssrcs}})
	}
}

// videoSSRCs returns the SSRCs of the client's video tracks whose SSRC is known.
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
