package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

// mtu is the largest size of an RTP packet in bytes, as in browsers.
const mtu = 1200

// sender publishes one medium, or one layer of the video. For a medium that is not published the sender is nil.
type sender struct {
	track     *webrtc.TrackLocalStaticRTP
	clockRate uint32                  // of the RTP timestamps, in Hz
	addRID    func(*rtp.Header) error // adds the rid of the layer to a packet; nil without simulcast

	mu         sync.Mutex
	packetizer rtp.Packetizer
	sequencer  rtp.Sequencer // of packetizer
	skipped    uint16        // how many sequence numbers SendRTP has left out, modulo 65536

	accessUnits, packets, bytes atomic.Uint64 // counters of what was sent
}

// audioCodec returns the codec of the published audio, or an empty string if no audio is published.
func (c *Client) audioCodec() mixer.Codec {
	if c.cfg.PublishAudio {
		return mixer.Opus
	}
	return ""
}

// addTransceiver adds the transceiver of one medium. The direction depends on publish, the published codec (empty: none), and
// on Config.View. addTransceiver returns the sender of the medium, or nil if the medium is not published.
func (c *Client) addTransceiver(kind webrtc.RTPCodecType, publish mixer.Codec) (*sender, error) {
	direction := webrtc.RTPTransceiverDirectionRecvonly
	switch {
	case publish != "" && c.cfg.View:
		direction = webrtc.RTPTransceiverDirectionSendrecv
	case publish != "":
		direction = webrtc.RTPTransceiverDirectionSendonly
	case !c.cfg.View && kind == webrtc.RTPCodecTypeVideo:
		direction = webrtc.RTPTransceiverDirectionInactive // the server refuses an offer without a video section
	case !c.cfg.View:
		return nil, nil // the medium is not used
	}
	init := webrtc.RTPTransceiverInit{Direction: direction}
	if publish == "" {
		if _, err := c.pc.AddTransceiverFromKind(kind, init); err != nil {
			return nil, fmt.Errorf("add %s transceiver: %w", kind, err)
		}
		return nil, nil // nothing is published
	}
	if kind == webrtc.RTPCodecTypeVideo && c.cfg.Layers > 1 {
		return c.addLayers(init)
	}
	track, err := webrtc.NewTrackLocalStaticRTP(capability(publish), kind.String(), "client")
	if err != nil {
		return nil, fmt.Errorf("make %s track: %w", kind, err)
	}
	t, err := c.pc.AddTransceiverFromTrack(track, init)
	if err != nil {
		return nil, fmt.Errorf("add %s track: %w", kind, err)
	}
	c.start(func() { c.readFeedback(t.Sender(), "") })
	return newSender(track, publish), nil
}

func newSender(track *webrtc.TrackLocalStaticRTP, codec mixer.Codec) *sender {
	s := &sender{track: track, clockRate: track.Codec().ClockRate, sequencer: rtp.NewRandomSequencer()}
	var payloader rtp.Payloader = &codecs.OpusPayloader{}
	switch codec {
	case mixer.H264:
		payloader = &codecs.H264Payloader{}
	case mixer.VP8:
		payloader = &codecs.VP8Payloader{EnablePictureID: true}
	}
	// Payload type and SSRC are 0 here, because they are known only after the answer. The track sets them.
	s.packetizer = rtp.NewPacketizer(mtu, 0, 0, payloader, s.sequencer, s.clockRate)
	return s
}

// readFeedback reads the RTCP packets for a published track until the connection ends. If rid is not empty, it reads those
// for this layer of the track.
func (c *Client) readFeedback(s *webrtc.RTPSender, rid string) {
	read := s.ReadRTCP
	if rid != "" {
		read = func() ([]rtcp.Packet, interceptor.Attributes, error) { return s.ReadSimulcastRTCP(rid) }
	}
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				if c.cfg.OnRefresh != nil {
					c.cfg.OnRefresh()
				}
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				if c.cfg.OnLimit != nil {
					c.cfg.OnLimit(int(p.Bitrate))
				}
			}
		}
	}
}

// SendVideo sends one access unit of the codec Config.PublishVideo. The RTP timestamp is computed from the PTS. SendVideo does
// not wait: the caller must call it at the time of the PTS, see [Play].
func (c *Client) SendVideo(p mixer.Packet) error { return c.video.send(p) }

// SendAudio sends one Opus packet, in the same way as SendVideo.
func (c *Client) SendAudio(p mixer.Packet) error { return c.audio.send(p) }

// SendRTP sends one RTP packet on the video track, to test a server with malformed media. The track sets payload type and
// SSRC. The sequence number of p is an offset from the next sequence number of the track: 0 is in order, 1 leaves a gap,
// and 65535 repeats the last sequence number. SRTP drops a packet whose sequence number is far away from the last one.
func (c *Client) SendRTP(p *rtp.Packet) error {
	if c.video == nil {
		return errNotPublished
	}
	return c.video.sendRTP(p)
}

func (s *sender) sendRTP(p *rtp.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skipped += p.SequenceNumber
	out := *p
	out.SequenceNumber = s.sequencer.NextSequenceNumber() + s.skipped
	return s.track.WriteRTP(&out)
}

var errNotPublished = errors.New("this medium is not published: see Config")

func (s *sender) send(p mixer.Packet) error {
	if s == nil {
		return errNotPublished
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	whole, rest := p.PTS/time.Second, p.PTS%time.Second // separate, so that the product does not overflow
	timestamp := uint32(int64(whole)*int64(s.clockRate) + int64(rest)*int64(s.clockRate)/int64(time.Second))
	for _, out := range s.packetizer.Packetize(p.Data, 0) {
		out.Timestamp = timestamp
		out.SequenceNumber += s.skipped
		if s.addRID != nil {
			if err := s.addRID(&out.Header); err != nil {
				return err
			}
		}
		if err := s.track.WriteRTP(out); err != nil {
			return fmt.Errorf("send %s: %w", p.Codec, err)
		}
		s.packets.Add(1)
		s.bytes.Add(uint64(len(out.Payload)))
	}
	s.accessUnits.Add(1)
	return nil
}

// Play calls read for one packet after the other, and passes each packet to send at the time of its PTS. The first packet is
// sent at once. A late packet is also sent at once, and does not delay the packets after it. Play returns nil when ctx ends
// or read returns io.EOF. Otherwise it returns the error of read or send.
func Play(ctx context.Context, read func() (mixer.Packet, error), send func(mixer.Packet) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var start time.Time
	for {
		p, err := read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("next packet to play: %w", err)
		}
		if start.IsZero() {
			start = time.Now().Add(-p.PTS)
		}
		timer.Reset(time.Until(start.Add(p.PTS)))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := send(p); err != nil {
			return err
		}
	}
}

// Loop returns a read function for Play that repeats the packets endlessly. In each repetition all PTS are one period later
// than in the repetition before.
func Loop(packets []mixer.Packet, period time.Duration) func() (mixer.Packet, error) {
	n := 0
	return func() (mixer.Packet, error) {
		if len(packets) == 0 {
			return mixer.Packet{}, io.EOF
		}
		p := packets[n%len(packets)]
		p.PTS += time.Duration(n/len(packets)) * period
		n++
		return p, nil
	}
}
