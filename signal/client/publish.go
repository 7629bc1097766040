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

const mtu = 1200

// sender publishes one medium.
type sender struct {
	track *webrtc.TrackLocalStaticRTP
	clock uint32
	mark  func(*rtp.Header) error // adds the id of the layer to a packet; nil without simulcast

	mu         sync.Mutex
	packetizer rtp.Packetizer
	sequencer  rtp.Sequencer // of packetizer
	skipped    uint16        // sequence numbers that SendRTP left out

	accessUnits, packets, bytes atomic.Uint64
}

// audioCodec returns the codec of the published audio, or an empty string if no audio is published.
func (c *Client) audioCodec() mixer.Codec {
	if c.cfg.PublishAudio {
		return mixer.Opus
	}
	return ""
}

// transceiver adds the transceiver of one medium, with the direction that cfg needs. It returns the sender of the
// medium, or nil if the medium is not published.
func (c *Client) transceiver(kind webrtc.RTPCodecType, publish mixer.Codec) (*sender, error) {
	direction := webrtc.RTPTransceiverDirectionRecvonly
	switch {
	case publish != "" && c.cfg.View:
		direction = webrtc.RTPTransceiverDirectionSendrecv
	case publish != "":
		direction = webrtc.RTPTransceiverDirectionSendonly
	case !c.cfg.View && kind == webrtc.RTPCodecTypeVideo:
		direction = webrtc.RTPTransceiverDirectionInactive // the server wants a video section even for audio only
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
		return c.layered(init)
	}
	track, err := webrtc.NewTrackLocalStaticRTP(capability(publish), kind.String(), "client")
	if err != nil {
		return nil, fmt.Errorf("make %s track: %w", kind, err)
	}
	t, err := c.pc.AddTransceiverFromTrack(track, init)
	if err != nil {
		return nil, fmt.Errorf("add %s track: %w", kind, err)
	}
	c.start(func() { c.feedback(t.Sender(), "") })
	return newSender(track, publish), nil
}

func newSender(track *webrtc.TrackLocalStaticRTP, id mixer.Codec) *sender {
	s := &sender{track: track, clock: track.Codec().ClockRate, sequencer: rtp.NewRandomSequencer()}
	var payloader rtp.Payloader = &codecs.OpusPayloader{}
	switch id {
	case mixer.H264:
		payloader = &codecs.H264Payloader{}
	case mixer.VP8:
		payloader = &codecs.VP8Payloader{EnablePictureID: true}
	}
	// The track sets payload type and SSRC, which are known after the answer.
	s.packetizer = rtp.NewPacketizer(mtu, 0, 0, payloader, s.sequencer, s.clock)
	return s
}

// feedback reads the RTCP for a published track, or for its layer rid, until the connection ends.
func (c *Client) feedback(s *webrtc.RTPSender, rid string) {
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

// SendVideo sends one access unit of Config.PublishVideo. Its PTS determines the RTP time. The caller must send each
// access unit at its time, see [Play].
func (c *Client) SendVideo(p mixer.Packet) error { return c.video.send(p) }

// SendAudio sends one Opus packet.
func (c *Client) SendAudio(p mixer.Packet) error { return c.audio.send(p) }

// SendRTP sends one packet on the video track, to test a server with malformed media. The track sets payload type and
// SSRC. The sequence number of p is relative to the next one of the track: 0 is in order, 1 leaves a gap, and 65535
// repeats the last one. SRTP drops packets whose number is far away.
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
	whole, rest := p.PTS/time.Second, p.PTS%time.Second
	stamp := uint32(int64(whole)*int64(s.clock) + int64(rest)*int64(s.clock)/int64(time.Second))
	for _, out := range s.packetizer.Packetize(p.Data, 0) {
		out.Timestamp = stamp
		out.SequenceNumber += s.skipped
		if s.mark != nil {
			if err := s.mark(&out.Header); err != nil {
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

// Play reads packets from next, and gives each to send at its time, the first at once. It returns nil when ctx ends or
// next returns io.EOF, otherwise the error of next or send. A late packet is sent at once and does not delay the later
// ones.
func Play(ctx context.Context, next func() (mixer.Packet, error), send func(mixer.Packet) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var start time.Time
	for {
		p, err := next()
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

// Loop returns a function for Play that repeats the packets endlessly. Each pass starts one period after the pass
// before.
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
