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

// cameras is an RTSP server over TCP (RFC 2326, RFC 6184) that simulates several cameras. Each of its streams plays a clip in a
// loop, also without clients. A client that connects gets the frames from then on, and can decode from the next keyframe. Real
// cameras do the same. close stops the server.
type cameras struct {
	log     *slog.Logger
	server  *gortsplib.Server
	streams map[string]*gortsplib.ServerStream // by path; does not change after ready is closed
	ready   chan struct{}                      // closed when streams is complete
	ctx     context.Context                    // ends the players
	stop    context.CancelFunc                 // cancels ctx
	players sync.WaitGroup                     // the goroutines that play the clips
}

// cameraClips has the clips of one camera: one for its main stream, and one for its sub-stream. sub is nil if the camera has no
// sub-stream.
type cameraClips struct{ main, sub *load.Clip }

// startCameras starts one camera for each item of clips. The first camera starts with the first frame of its clip. The starts
// of the others are spread evenly over the length of the clip. Each camera also waits for a different fraction of a frame's
// duration before its first frame, so that the frames of different cameras come at different times.
func startCameras(clips []cameraClips, log *slog.Logger) (*cameras, error) {
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
	for i, camera := range clips {
		fraction := float64(i) / float64(len(clips))
		if err := c.add(fmt.Sprintf("%d/main", i+1), camera.main, fraction); err != nil {
			c.close()
			return nil, err
		}
		if camera.sub == nil {
			continue
		}
		if err := c.add(fmt.Sprintf("%d/sub", i+1), camera.sub, fraction); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// url returns the address of a stream of camera n. The first camera is 1. stream is main or sub.
func (c *cameras) url(n int, stream string) string {
	return fmt.Sprintf("rtsp://%s/%d/%s", c.server.RTSPAddress, n, stream)
}

// add makes the stream path and starts a goroutine that plays clip on the stream in a loop. fraction is at least 0 and less
// than 1. The goroutine starts with the frame at this fraction of the clip. It first waits for this fraction of a frame's
// duration.
func (c *cameras) add(path string, clip *load.Clip, fraction float64) error {
	media, err := describe(clip)
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
	rotated := clip.From(int(fraction * float64(len(clip.Packets))))
	phase := time.Duration(fraction / clip.FPS() * float64(time.Second))
	c.players.Go(func() {
		load.Wait(c.ctx, phase)
		if err := client.Play(c.ctx, client.Loop(rotated.Packets, rotated.Length), c.writer(s, media, encoder)); err != nil {
			c.log.Error("camera ended", "camera", path, "error", err)
		}
	})
	return nil
}

// describe returns the SDP description of the clip, with the parameter sets of its first keyframe.
func describe(clip *load.Clip) (*description.Media, error) {
	f := &format.H264{PayloadTyp: 96, PacketizationMode: 1}
	var nalus h264.AnnexB
	for _, p := range clip.Packets {
		if !p.Key {
			continue
		}
		if err := nalus.Unmarshal(p.Data); err != nil {
			return nil, fmt.Errorf("%s: %w", clip.Name, err)
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
		return nil, fmt.Errorf("%s: no keyframe with SPS and PPS", clip.Name)
	}
	return &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f}}, nil
}

// writer returns a function that sends the access unit in a packet to the clients of s, as RTP packets. The NTP times in RTCP
// sender reports are computed from the PTS, as in a real camera, so a packet that is sent late does not change them.
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

// find waits until all streams exist. Then it returns the stream called path, and the response to an RTSP request for this
// stream.
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

// close stops the players and then closes the streams and the server.
func (c *cameras) close() {
	c.stop()
	c.players.Wait()
	for _, s := range c.streams {
		s.Close()
	}
	c.server.Close()
}
