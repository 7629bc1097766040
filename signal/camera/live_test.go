package camera

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/camera/cameratest"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
)

// clips are the streams of the fake cameras, which several tests share.
var clips = struct {
	once      sync.Once
	main, sub *cameratest.Stream
}{}

// mainAndSub returns a main stream of 320x180 and a sub-stream of 160x90, 15 frames a second.
func mainAndSub(t *testing.T) (main, sub *cameratest.Stream) {
	t.Helper()
	clips.once.Do(func() {
		clips.main = cameratest.Make(t, mixer.H264, 15, "testsrc2=size=320x180:rate=15:duration=4")
		clips.sub = cameratest.Make(t, mixer.H264, 15, "testsrc2=size=160x90:rate=15:duration=4")
	})
	return clips.main, clips.sub
}

// pullCamera runs the streams of a camera until the test ends.
func pullCamera(t *testing.T, cfg Config) (*streams, *seat) {
	t.Helper()
	out := &seat{}
	s := newStreams(cfg, out, startFeed, newStatus(), slog.New(slog.DiscardHandler))
	await.Running(t, func(ctx context.Context) error { s.run(ctx); return nil })
	return s, out
}

// flows tells whether a frame of the layer came within the last 300 ms.
func (s *seat) flows(layer int) func() bool {
	return func() bool { return time.Since(s.last(layer)) < 300*time.Millisecond }
}

// TestChannelsOfOneRecorder: sixteen channels with their sub-streams make two logins with a wrong password, and none of them
// waits with the right one.
func TestChannelsOfOneRecorder(t *testing.T) {
	t.Parallel()
	main, _ := mainAndSub(t)
	recorder := (&cameratest.Camera{Stream: main, User: "admin", Password: "right"}).Start(t)
	logins := NewLogins()
	var wrong, right []*seat
	for range 16 {
		url := recorder.LoginURL("admin", "wrong")
		_, out := pullCamera(t, Config{Name: "Gate", URL: url, SubURL: url, Logins: logins})
		wrong = append(wrong, out)
	}
	all := func(seats []*seat, ok func(*seat) bool) func() bool {
		return func() bool {
			for _, s := range seats {
				if !ok(s) {
					return false
				}
			}
			return true
		}
	}
	await.Until(t, "all say why", all(wrong, func(s *seat) bool {
		told := s.reasons()
		return len(told) > 0 && told[len(told)-1] == mixer.ReasonWrongPassword
	}))
	_, before := recorder.Sessions()
	for range 16 {
		_, out := pullCamera(t, Config{Name: "Gate", URL: recorder.LoginURL("admin", "right"), Logins: logins})
		right = append(right, out)
	}
	await.Within(t, 5*time.Second, "all channels with the right password", all(right, func(s *seat) bool { return s.flows(0)() }))
	if got := recorder.Logins(); got != freeLogins+16 {
		t.Errorf("%d logins, want 2 wrong ones and 16 right ones", got)
	}
	if _, now := recorder.Sessions(); now != before+16 {
		t.Errorf("%d connections without a login", now-before-16)
	}
}

// TestAStalledPictureOfACamera: sound, reports and answers go on, or nothing does. The picture is back within 7 s.
func TestAStalledPictureOfACamera(t *testing.T) {
	t.Parallel()
	main, _ := mainAndSub(t)
	for name, audio := range map[string]*cameratest.Audio{"with sound": cameratest.Tone(440), "with reports": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := &cameratest.Camera{Stream: main, Audio: audio}
			cam.SendUnit = func(v *cameratest.Track, n int, unit [][]byte, timestamp uint32) {
				switch {
				case n < 15:
					v.SendUnit(main.PackUnit(unit), timestamp)
				case n%15 == 0:
					v.Report(timestamp, time.Now())
				}
			}
			cam.Start(t)
			s, out := pullCamera(t, Config{Name: "Gate", URL: cam.URL()})
			await.Until(t, "a picture", out.flows(0))
			await.Until(t, "it stops", func() bool { return time.Since(out.last(0)) > time.Second })
			stopped := out.last(0)
			await.Until(t, "it is back", out.flows(0))
			if d := time.Since(stopped); d > 7*time.Second {
				t.Errorf("it took %v", d)
			}
			if got := s.status.stats(); got.Reconnects != 1 || got.Bytes == 0 || time.Since(got.LastPicture) > 2*time.Second {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

// TestAServerThatReturns: the camera is back within 2 s, although it was tried in vain for some time.
func TestAServerThatReturns(t *testing.T) {
	t.Parallel()
	main, _ := mainAndSub(t)
	cam := (&cameratest.Camera{Stream: main}).Start(t)
	_, out := pullCamera(t, Config{Name: "Gate", URL: cam.URL()})
	await.Until(t, "a picture", out.flows(0))
	cam.Stop()
	stopped := time.Now()
	await.Until(t, "it is down", func() bool { return time.Since(stopped) > 3500*time.Millisecond })
	cam.Start(t)
	began := time.Now()
	await.Until(t, "it is back", out.flows(0))
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
}

// TestALostPacketInALongGOP: the picture goes on seconds after the loss, and not at the camera's next keyframe.
func TestALostPacketInALongGOP(t *testing.T) {
	t.Parallel()
	stream := cameratest.Make(t, mixer.H264, 15, "testsrc2=size=320x180:rate=15:duration=20",
		"-x264-params", "aud=1:keyint=300:min-keyint=300:scenecut=0:bframes=0")
	cam := &cameratest.Camera{Stream: stream}
	var lost atomic.Int64 // when a packet was lost, in Unix ns
	cam.SendUnit = func(v *cameratest.Track, n int, unit [][]byte, timestamp uint32) {
		payloads := stream.PackUnit(unit)
		if n == 45 && lost.CompareAndSwap(0, time.Now().UnixNano()) {
			v.Lose(payloads[0], timestamp, false)
			payloads = payloads[1:]
		}
		v.SendUnit(payloads, timestamp)
	}
	cam.Start(t)
	c, stats := joinYard(t, Config{Name: "Gate", URL: cam.URL()})
	await.Until(t, "a loss", func() bool { return lost.Load() != 0 })
	await.Until(t, "a new session", func() bool { return c.Stats().Reconnects == 1 })
	if d := time.Since(time.Unix(0, lost.Load())); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	dropped := stats().Dropped
	await.Until(t, "it is live, and goes on", func() bool { s := stats(); return s.State == mixer.Live && s.Age < 200*time.Millisecond })
	if now := stats().Dropped; now > dropped+15 {
		t.Errorf("%d packets were dropped after the new session had begun", now-dropped)
	}
	if _, ever := cam.Sessions(); ever != 2 {
		t.Errorf("%d sessions", ever)
	}
}

// joinYard runs a room with one camera and a viewer until the test ends. stats returns the statistics of the camera's source.
func joinYard(t *testing.T, cfg Config) (c *Camera, stats func() mixer.SourceStats) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	registry, err := room.NewRegistry(room.Config{Engine: mixertest.Start, Mixer: mixer.Config{Width: 160, Height: 90, FPS: 10}}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	await.Running(t, registry.Run)
	cfg.Room = "yard"
	c = New(cfg, registry, log)
	await.Running(t, c.Run)
	<-c.Tried()
	member, err := registry.Join(t.Context(), "yard", room.Joining{Name: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(member.Leave)
	sub, err := member.Hub().Watch(t.Context(), mixer.Watching{Codec: mixer.H264}, discard{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	return c, func() mixer.SourceStats { return mixertest.Stats(t, member.Hub()).Sources[0] }
}

// TestASubStreamThatNeverWorks: in a real room, the main stream is shown within 3 s, and the sub-stream once it works.
func TestASubStreamThatNeverWorks(t *testing.T) {
	t.Parallel()
	main, sub := mainAndSub(t)
	var mended sync.Map // cameras that work now
	for name, spoil := range map[string]func(*cameratest.Camera){
		"404": func(c *cameratest.Camera) {
			c.Answer = func(_ *cameratest.Session, r *base.Request) *base.Response {
				if _, ok := mended.Load(c); ok || r.Method != base.Describe {
					return nil
				}
				return &base.Response{StatusCode: base.StatusNotFound}
			}
		},
		"another codec": func(c *cameratest.Camera) {
			c.SDP = func() string {
				if _, ok := mended.Load(c); ok {
					return c.DefaultSDP()
				}
				head, _, _ := strings.Cut(c.DefaultSDP(), "m=video")
				return head + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 X-MADE-UP/90000\r\na=control:track0\r\n"
			}
		},
		"silent": func(c *cameratest.Camera) {
			c.SendUnit = func(v *cameratest.Track, _ int, unit [][]byte, timestamp uint32) {
				if _, ok := mended.Load(c); ok {
					v.SendUnit(sub.PackUnit(unit), timestamp)
				}
			}
		},
		"undecodable": func(c *cameratest.Camera) {
			c.SendUnit = func(v *cameratest.Track, _ int, unit [][]byte, timestamp uint32) {
				v.SendUnit(sub.PackUnit(garbled(sub, unit)), timestamp)
			}
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			good := (&cameratest.Camera{Stream: main}).Start(t)
			bad := &cameratest.Camera{Stream: sub}
			spoil(bad)
			bad.Start(t)
			began := time.Now()
			_, stats := joinYard(t, Config{Name: "Gate", URL: good.URL(), SubURL: bad.URL()})
			shows := func(size string) func() bool {
				return func() bool {
					s := stats()
					return s.State == mixer.Live && fmt.Sprintf("%dx%d", s.Width, s.Height) == size
				}
			}
			await.Until(t, "the main stream", shows("320x180"))
			if d := time.Since(began); d > 3*time.Second {
				t.Errorf("it took %v", d)
			}
			if name == "undecodable" {
				return // it is tried again after half a minute
			}
			mended.Store(bad, true)
			await.Until(t, "the sub-stream", shows("160x90"))
		})
	}
}

// garbled returns an access unit whose slices are damaged.
func garbled(s *cameratest.Stream, unit [][]byte) (out [][]byte) {
	for _, nal := range unit {
		if s.Kind(nal) <= 5 {
			nal = bytes.Clone(nal)
			for i := min(8, len(nal)); i < len(nal); i++ {
				nal[i] = byte(i*7)%250 + 3
			}
		}
		out = append(out, nal)
	}
	return out
}
