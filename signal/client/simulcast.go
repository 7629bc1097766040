package client

import (
	"fmt"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

// rids are the rids (RFC 8851) of the simulcast layers: full, half and quarter size, as in most examples for browsers.
var rids = []string{"f", "h", "q"} // a constant table

// SendLayer sends one access unit of one layer. Layer 0 is the largest layer, which SendVideo also sends.
func (c *Client) SendLayer(layer int, p mixer.Packet) error {
	if layer == 0 {
		return c.video.send(p)
	}
	if layer < 0 || layer > len(c.smaller) {
		return fmt.Errorf("send layer %d: %w", layer, errNotPublished)
	}
	return c.smaller[layer-1].send(p)
}

// addLayers adds a transceiver with several video layers. It returns the sender of the largest layer, and stores the others in
// c.smaller.
func (c *Client) addLayers(init webrtc.RTPTransceiverInit) (*sender, error) {
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
		s.addRID = ridWriter(t, track.RID())
		c.start(func() { c.readFeedback(t.Sender(), track.RID()) })
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

// ridWriter returns a function that adds the mid of the transceiver and the rid of the layer to an RTP header (RFC 8852).
// From these headers the receiver learns which SSRC each layer has.
func ridWriter(t *webrtc.RTPTransceiver, rid string) func(*rtp.Header) error {
	// The ids are read at the first packet: the header extensions are negotiated by then.
	ids := sync.OnceValue(func() map[string]uint8 {
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
