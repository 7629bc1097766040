package client

import (
	"encoding/json"
	"time"

	"azulejo/mixer"
)

// Stats has the counters of a client since Dial, and its Status.
type Stats struct {
	Sent struct {
		Video Sending `json:"video"`
		Audio Sending `json:"audio"`
	} `json:"sent"`
	Received struct {
		Video Receiving `json:"video"`
		Audio Receiving `json:"audio"`
	} `json:"received"`
	Status Status `json:"told"`
}

// Sending has the counters of one published medium, with all its layers.
type Sending struct {
	Units   uint64 `json:"units"` // access units
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"` // of the RTP payloads
}

func (s Sending) plus(other Sending) Sending {
	return Sending{s.Units + other.Units, s.Packets + other.Packets, s.Bytes + other.Bytes}
}

// Receiving has the counters of one medium of the mix.
type Receiving struct {
	Codec      mixer.Codec   `json:"codec,omitempty"`
	Units      uint64        `json:"units"`          // access units
	Keys       uint64        `json:"keys"`           // access units that are keyframes
	Bytes      uint64        `json:"bytes"`          // of the access units
	Lost       uint64        `json:"lost"`           // RTP packets that did not arrive
	Breaks     uint64        `json:"breaks"`         // access units that follow a loss
	First      time.Time     `json:"first,omitzero"` // arrival of the first access unit
	LongestGap time.Duration `json:"-"`              // between the arrivals of two access units
}

// MarshalJSON writes LongestGap in milliseconds, and all other fields as usual.
func (r Receiving) MarshalJSON() ([]byte, error) {
	type counters Receiving
	return json.Marshal(struct {
		counters
		Gap float64 `json:"longestGapMs"`
	}{counters(r), float64(r.LongestGap) / float64(time.Millisecond)})
}

// Stats returns a snapshot of the counters.
func (c *Client) Stats() Stats {
	var s Stats
	s.Sent.Video, s.Sent.Audio = c.video.stats(), c.audio.stats()
	for _, layer := range c.smaller {
		s.Sent.Video = s.Sent.Video.plus(layer.stats())
	}
	s.Received.Audio, s.Received.Video = c.received[0].snapshot(), c.received[1].snapshot()
	s.Status = c.Status()
	return s
}

func (s *sender) stats() Sending {
	if s == nil {
		return Sending{}
	}
	return Sending{s.accessUnits.Load(), s.packets.Load(), s.bytes.Load()}
}
