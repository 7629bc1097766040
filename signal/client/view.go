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

// receiving counts one medium of the mix.
type receiving struct {
	mu    sync.Mutex
	stats Receiving
	last  time.Time // arrival of the last access unit
}

func (r *receiving) count(p mixer.Packet, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.stats
	if s.Units == 0 {
		s.First = now
	} else {
		s.LongestGap = max(s.LongestGap, now.Sub(r.last))
	}
	r.last = now
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

func (r *receiving) lost(n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Lost = n
}

func (r *receiving) snapshot() Receiving {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// receive starts to read a track of the mix. pion calls it for each track.
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

// read splits a track into access units until the connection ends. The codec of the track may change: the server sends
// a source's own packets while the mix shows only that source.
func (c *Client) read(t *webrtc.TrackRemote) error {
	video := t.Kind() == webrtc.RTPCodecTypeVideo
	counters, callback := &c.in[0], c.cfg.OnAudio
	if video {
		counters, callback = &c.in[1], c.cfg.OnVideo
	}
	var (
		depacketizer *depack.Track
		payloadType  uint8     // of depacketizer
		lost         uint64    // packets that the earlier depacketizers counted as lost
		requested    time.Time // when a keyframe was requested last
	)
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return nil // the connection has ended; its state reports why
		}
		if depacketizer == nil || p.PayloadType != payloadType {
			lost = counters.snapshot().Lost
			if depacketizer, err = depack.New(idOf(t.Codec().MimeType), t.Codec().ClockRate); err != nil {
				return fmt.Errorf("receive %s: %w", t.Codec().MimeType, err)
			}
			payloadType = p.PayloadType
		}
		for _, accessUnit := range depacketizer.Push(p) {
			now := time.Now()
			counters.count(accessUnit, now)
			if accessUnit.Lost && video && !accessUnit.Key && now.Sub(requested) > refreshEvery {
				requested = now
				c.refresh(t)
			}
			if callback != nil {
				callback(accessUnit)
			}
		}
		counters.lost(lost + depacketizer.Stats().Lost)
	}
}

// RequestKeyframe asks the server for a keyframe.
func (c *Client) RequestKeyframe() {
	for _, r := range c.pc.GetReceivers() {
		for _, t := range r.Tracks() {
			if t.Kind() == webrtc.RTPCodecTypeVideo {
				c.refresh(t)
			}
		}
	}
}

func (c *Client) refresh(t *webrtc.TrackRemote) {
	// An error means that the connection is closing.
	_ = c.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}})
}
