package client

import (
	"encoding/json"
	"time"

	"azulejo/mixer"
)

// Stats count what a client sent and received since Dial.
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

// Sending counts one published medium.
type Sending struct {
	Units   uint64 `json:"units"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

func (s Sending) plus(o Sending) Sending {
	return Sending{s.Units + o.Units, s.Packets + o.Packets, s.Bytes + o.Bytes}
}

// Receiving counts one medium of the mix.
type Receiving struct {
	Codec      mixer.Codec   `json:"codec,omitempty"`
	Units      uint64        `json:"units"`
	Keys       uint64        `json:"keys"`
	Bytes      uint64        `json:"bytes"`
	Lost       uint64        `json:"lost"`   // RTP packets
	Breaks     uint64        `json:"breaks"` // access units that follow a loss
	First      time.Time     `json:"first,omitzero"`
	LongestGap time.Duration `json:"-"` // between two access units
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
	s.Received.Audio, s.Received.Video = c.in[0].snapshot(), c.in[1].snapshot()
	s.Status = c.Status()
	return s
}

func (s *sender) stats() Sending {
	if s == nil {
		return Sending{}
	}
	return Sending{s.accessUnits.Load(), s.packets.Load(), s.bytes.Load()}
}
