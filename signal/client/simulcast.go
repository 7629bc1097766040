package client

import (
	"fmt"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

// rids are the ids of the simulcast layers, the largest first, as in browsers' examples: full, half, quarter.
var rids = []string{"f", "h", "q"} // a constant table

// SendLayer sends one access unit of one layer. Layer 0 is the largest; for it SendVideo does the same.
func (c *Client) SendLayer(layer int, p mixer.Packet) error {
	if layer == 0 {
		return c.video.send(p)
	}
	if layer < 0 || layer > len(c.smaller) {
		return fmt.Errorf("send layer %d: %w", layer, errNotPublished)
	}
	return c.smaller[layer-1].send(p)
}

// layered adds a transceiver of several video layers, and returns the sender of the largest one.
func (c *Client) layered(init webrtc.RTPTransceiverInit) (*sender, error) {
	tracks, err := c.layerTracks()
	if err != nil {
		return nil, err
	}
	t, err := c.pc.AddTransceiverFromTrack(tracks[0], init)
	if err != nil {
		return nil, fmt.Errorf("add layer %s: %w", rids[0], err)
	}
	for _, track := range tracks[1:] {
		if err := t.Sender().AddEncoding(track); err != nil {
			return nil, fmt.Errorf("add layer %s: %w", track.RID(), err)
		}
	}
	var all []*sender
	for _, track := range tracks {
		s := newSender(track, c.cfg.PublishVideo)
		s.mark = marker(t, track.RID())
		c.start(func() { c.feedback(t.Sender(), track.RID()) })
		all = append(all, s)
	}
	c.smaller = all[1:]
	return all[0], nil
}

func (c *Client) layerTracks() ([]*webrtc.TrackLocalStaticRTP, error) {
	var tracks []*webrtc.TrackLocalStaticRTP
	for _, rid := range rids[:c.cfg.Layers] {
		track, err := webrtc.NewTrackLocalStaticRTP(capability(c.cfg.PublishVideo), "video", "client", webrtc.WithRTPStreamID(rid))
		if err != nil {
			return nil, fmt.Errorf("make layer %s: %w", rid, err)
		}
		tracks = append(tracks, track)
	}
	return tracks, nil
}

// marker returns a function that adds the id of the layer to the header of a packet (RFC 8852). The receiver learns
// from these headers which SSRC each layer has.
func marker(t *webrtc.RTPTransceiver, rid string) func(*rtp.Header) error {
	ids := sync.OnceValue(func() map[string]uint8 { // called for the first packet, when the extensions are negotiated
		ids := map[string]uint8{}
		for _, e := range t.Sender().GetParameters().HeaderExtensions {
			ids[e.URI] = uint8(e.ID)
		}
		return ids
	})
	return func(h *rtp.Header) error {
		for uri, value := range map[string]string{sdp.SDESMidURI: t.Mid(), sdp.SDESRTPStreamIDURI: rid} {
			if err := h.SetExtension(ids()[uri], []byte(value)); err != nil {
				return fmt.Errorf("name layer %s: %w", rid, err)
			}
		}
		return nil
	}
}
