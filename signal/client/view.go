package client

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"azulejo/codec/depack"
	"azulejo/mixer"
)

// receiveCounters counts the access units and losses of one medium of the mix.
type receiveCounters struct {
	mu    sync.Mutex
	stats Receiving
	last  time.Time // arrival of the last access unit
}

// count counts an access unit and its arrival time.
func (r *receiveCounters) count(p mixer.Packet, arrived time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.stats
	if s.Units == 0 {
		s.First = arrived
	} else {
		s.LongestGap = max(s.LongestGap, arrived.Sub(r.last))
	}
	r.last = arrived
	s.Codec = p.Codec
	s.Units++
	s.Bytes += uint64(len(p.Data))
	if p.Key {
		s.Keys++
	}
	if p.Lost {
		s.Breaks++
	}
}

// setLost sets how many RTP packets were lost so far.
func (r *receiveCounters) setLost(n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Lost = n
}

func (r *receiveCounters) snapshot() Receiving {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// receive starts the goroutines that read a track of the mix. It is the callback for OnTrack of the peer connection.
func (c *Client) receive(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	c.start(func() {
		for {
			if _, _, err := r.ReadRTCP(); err != nil {
				return
			}
		}
	})
	c.start(func() {
		if err := c.read(t); err != nil {
			c.finish(err)
		}
	})
}

// read reads a track and passes its access units to the callback, until the connection ends. The codec of the track may
// change, because the server can send a source's own packets (passthrough).
func (c *Client) read(t *webrtc.TrackRemote) error {
	video := t.Kind() == webrtc.RTPCodecTypeVideo
	counters, callback := &c.received[0], c.cfg.OnAudio
	if video {
		counters, callback = &c.received[1], c.cfg.OnVideo
	}
	var (
		depacketizer *depack.Track
		payloadType  uint8     // of the packets for depacketizer
		lost         uint64    // packets that were lost before depacketizer was made
		requested    time.Time // when a keyframe was requested last
	)
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return nil // the connection has ended; its state reports why
		}
		if depacketizer == nil || p.PayloadType != payloadType {
			lost = counters.snapshot().Lost
			if depacketizer, err = depack.New(codecOf(t.Codec().MimeType), t.Codec().ClockRate); err != nil {
				return fmt.Errorf("receive %s: %w", t.Codec().MimeType, err)
			}
			payloadType = p.PayloadType
		}
		for _, accessUnit := range depacketizer.Push(p) {
			now := time.Now()
			counters.count(accessUnit, now)
			if accessUnit.Lost && video && !accessUnit.Key && now.Sub(requested) > keyframeRequestGap {
				requested = now
				c.sendPLI(t)
			}
			if callback != nil {
				callback(accessUnit)
			}
		}
		counters.setLost(lost + depacketizer.Stats().Lost)
	}
}

// RequestKeyframe asks the server for a keyframe.
func (c *Client) RequestKeyframe() {
	for _, r := range c.pc.GetReceivers() {
		for _, t := range r.Tracks() {
			if t.Kind() == webrtc.RTPCodecTypeVideo {
				c.sendPLI(t)
			}
		}
	}
}

func (c *Client) sendPLI(t *webrtc.TrackRemote) {
	// An error means that the connection is closing.
	_ = c.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}})
}
