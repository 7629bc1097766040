package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"azulejo/cmd/internal/load"
	"azulejo/mixer"
	"azulejo/signal/client"
)

// cameras are the streams of an RTSP server over TCP (RFC 2326, RFC 6184). They play clips in a loop, with or without
// clients: a client that connects gets the current frames and waits for the next keyframe, as with real cameras. close
// stops them.
type cameras struct {
	log     *slog.Logger
	server  *gortsplib.Server
	streams map[string]*gortsplib.ServerStream // by path; not changed after ready
	ready   chan struct{}                      // closed when streams is complete
	ctx     context.Context                    // of the players
	stop    context.CancelFunc
	players sync.WaitGroup
}

// feed is the main stream of one camera, and a smaller stream of the same scene, which may be nil.
type feed struct{ main, sub *load.Clip }

// startCameras plays every feed from another place of its clips: the first from the start, the others evenly spread
// over the clip. Each camera has its own phase between two frames.
func startCameras(feeds []feed, log *slog.Logger) (*cameras, error) {
	c := &cameras{log: log, streams: map[string]*gortsplib.ServerStream{}, ready: make(chan struct{})}
	c.ctx, c.stop = context.WithCancel(context.Background())
	defer close(c.ready)
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c.server = &gortsplib.Server{Handler: c, RTSPAddress: addr}
	if err := c.server.Start(); err != nil {
		return nil, fmt.Errorf("start the cameras: %w", err)
	}
	for i, f := range feeds {
		share := float64(i) / float64(len(feeds))
		if err := c.add(fmt.Sprintf("%d/main", i+1), f.main, share); err != nil {
			c.close()
			return nil, err
		}
		if f.sub == nil {
			continue
		}
		if err := c.add(fmt.Sprintf("%d/sub", i+1), f.sub, share); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// url is the address of the main or sub stream of camera n, from 1 on.
func (c *cameras) url(n int, stream string) string {
	return fmt.Sprintf("rtsp://%s/%d/%s", c.server.RTSPAddress, n, stream)
}

// add makes a stream and plays film on it, from that share of its length on.
func (c *cameras) add(path string, film *load.Clip, share float64) error {
	media, err := describe(film)
	if err != nil {
		return err
	}
	s := &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err = s.Initialize(); err != nil {
		return fmt.Errorf("camera %s: %w", path, err)
	}
	c.streams[path] = s
	encoder, err := media.Formats[0].(*format.H264).CreateEncoder()
	if err != nil {
		return fmt.Errorf("camera %s: %w", path, err)
	}
	rotated := film.From(int(share * float64(len(film.Packets))))
	phase := time.Duration(share / film.FPS() * float64(time.Second))
	c.players.Go(func() {
		load.Wait(c.ctx, phase)
		if err := client.Play(c.ctx, client.Loop(rotated.Packets, rotated.Length), c.writer(s, media, encoder)); err != nil {
			c.log.Error("camera ended", "camera", path, "error", err)
		}
	})
	return nil
}

// describe is the SDP description of the clip, with the parameter sets of its first keyframe.
func describe(film *load.Clip) (*description.Media, error) {
	f := &format.H264{PayloadTyp: 96, PacketizationMode: 1}
	var nalus h264.AnnexB
	for _, p := range film.Packets {
		if !p.Key {
			continue
		}
		if err := nalus.Unmarshal(p.Data); err != nil {
			return nil, fmt.Errorf("%s: %w", film.Name, err)
		}
		break
	}
	for _, nalu := range nalus {
		switch h264.NALUType(nalu[0] & 0x1F) {
		case h264.NALUTypeSPS:
			f.SPS = nalu
		case h264.NALUTypePPS:
			f.PPS = nalu
		}
	}
	if f.SPS == nil || f.PPS == nil {
		return nil, fmt.Errorf("%s: no keyframe with SPS and PPS", film.Name)
	}
	return &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f}}, nil
}

// writer cuts packets into RTP payloads and sends them to the clients of s. The wall-clock time in the sender reports is
// that of the PTS, as in a camera, also when a packet is sent late.
func (c *cameras) writer(s *gortsplib.ServerStream, media *description.Media, encoder *rtph264.Encoder) func(mixer.Packet) error {
	start := time.Now()
	return func(p mixer.Packet) error {
		var nalus h264.AnnexB
		if err := nalus.Unmarshal(p.Data); err != nil {
			return err
		}
		packets, err := encoder.Encode(nalus)
		if err != nil {
			return err
		}
		for _, out := range packets {
			out.Timestamp = uint32(p.PTS.Microseconds() * 9 / 100)
			if err := s.WritePacketRTPWithNTP(media, out, start.Add(p.PTS)); err != nil && c.ctx.Err() == nil {
				return err
			}
		}
		return nil
	}
}

// find waits until all streams exist and answers a request for one.
func (c *cameras) find(path string) (*base.Response, *gortsplib.ServerStream, error) {
	<-c.ready
	if s := c.streams[strings.Trim(path, "/")]; s != nil {
		return &base.Response{StatusCode: base.StatusOK}, s, nil
	}
	return &base.Response{StatusCode: base.StatusNotFound}, nil, errors.New("no camera " + path)
}

// OnDescribe answers DESCRIBE.
func (c *cameras) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return c.find(ctx.Path)
}

// OnSetup answers SETUP.
func (c *cameras) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return c.find(ctx.Path)
}

// OnPlay answers PLAY.
func (c *cameras) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// close stops the players and then the server.
func (c *cameras) close() {
	c.stop()
	c.players.Wait()
	for _, s := range c.streams {
		s.Close()
	}
	c.server.Close()
}
