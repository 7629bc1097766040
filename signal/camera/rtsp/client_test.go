package rtsp_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
	"azulejo/signal/camera/rtsp"
	"azulejo/signal/signaltest/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter counts packets.
type counter struct {
	packets atomic.Int64
	each    func(n int64)
}

func (c *counter) Packet(*rtp.Packet) {
	n := c.packets.Add(1)
	if c.each != nil {
		c.each(n)
	}
}

func (c *counter) Report(uint32, time.Duration) {}

// film returns video of one picture in many.
func film(t *testing.T) *cameratest.Stream {
	t.Helper()
	return cameratest.Make(t, mixer.H264, 15, "color=gray:size=160x96:rate=15:duration=1")
}

// dial connects to a camera and sets up its video.
func dial(t *testing.T, url string, udp bool, out rtsp.Receiver) *rtsp.Client {
	t.Helper()
	u, err := base.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := rtsp.Dial(t.Context(), rtsp.Config{URL: u, Patience: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err = c.Setup(t.Context(), d.Media[0], d.Media[0].Formats[0], udp, out); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSessionIsKeptAlive: within the timeout that the camera names, requests come, over both transports. At the end the session is
// torn down.
func TestSessionIsKeptAlive(t *testing.T) {
	for name, udp := range map[string]bool{"tcp": false, "udp": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := (&cameratest.Camera{Stream: film(t), Timeout: 1}).Start(t)
			c := dial(t, cam.URL(), udp, &counter{})
			if err := c.Play(t.Context()); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- c.Run(t.Context(), time.Second, time.Second) }()
			await.Until(t, "a request that keeps the session alive", requested(cam, "GET_PARAMETER"))
			cam.Hang()
			if err := <-done; !errors.Is(err, rtsp.ErrBroken) {
				t.Errorf("a session that the camera ended: %v", err)
			}
		})
	}
}

// requested returns a function that tells whether the camera got a request with this method.
func requested(cam *cameratest.Camera, method string) func() bool {
	return func() bool {
		return slices.ContainsFunc(cam.Requests(), func(r string) bool { return strings.HasPrefix(r, method+" ") })
	}
}

// TestSessionIsTornDown by Close.
func TestSessionIsTornDown(t *testing.T) {
	cam := (&cameratest.Camera{Stream: film(t)}).Start(t)
	c := dial(t, cam.URL(), false, &counter{})
	if err := c.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	await.Until(t, "TEARDOWN", requested(cam, "TEARDOWN"))
}

// TestNonceThatGetsOld: a camera that changes its nonce within a session gets the credentials again, with and without the word
// stale. A password that it never accepted is sent once.
func TestNonceThatGetsOld(t *testing.T) {
	for name, c := range map[string]struct {
		stale    string
		password string
		plays    bool
	}{
		"stale":          {", stale=TRUE", "secret", true},
		"without a word": {"", "secret", true},
		"wrong password": {"", "wrong", false},
	} {
		t.Run(name, func(t *testing.T) {
			nonce, refused := 0, 0
			cam := &cameratest.Camera{Stream: film(t)}
			cam.Answer = func(_ *cameratest.Session, req *base.Request) *base.Response {
				if req.Method == base.Options {
					return nil
				}
				methods := []auth.VerifyMethod{auth.VerifyMethodDigestMD5}
				if auth.Verify(req, "gate", "secret", methods, "cam", strings.Repeat("n", nonce)) == nil && nonce > 0 {
					nonce++ // the next request needs another one
					return nil
				}
				refused++
				nonce = max(nonce, 1)
				challenge := auth.GenerateWWWAuthenticate(methods, "cam", strings.Repeat("n", nonce))
				challenge[0] += c.stale
				return &base.Response{StatusCode: 401, Header: base.Header{"WWW-Authenticate": challenge}}
			}
			cam.Start(t)
			u, err := base.ParseURL(cam.LoginURL("gate", c.password))
			if err != nil {
				t.Fatal(err)
			}
			client, err := rtsp.Dial(t.Context(), rtsp.Config{URL: u})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			d, err := client.Describe(t.Context())
			if err == nil {
				err = client.Setup(t.Context(), d.Media[0], d.Media[0].Formats[0], false, &counter{})
			}
			if (err == nil) != c.plays {
				t.Errorf("error %v", err)
			}
			if refused != 2 { // DESCRIBE without credentials, and SETUP with the old nonce, or DESCRIBE with the wrong password
				t.Errorf("%d requests were refused, want 2", refused)
			}
		})
	}
}

// TestResetChangesTheTransport within one connection.
func TestResetChangesTheTransport(t *testing.T) {
	cam := &cameratest.Camera{Stream: film(t)}
	cam.Play = func(s *cameratest.Session) {
		if track := s.Track(0); !track.UDP() {
			s.PlayVideo(track)
		}
	}
	cam.Start(t)
	c := dial(t, cam.URL(), true, &counter{})
	if err := c.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context(), 300*time.Millisecond, time.Second); !errors.Is(err, rtsp.ErrNoMedia) {
		t.Fatal(err)
	}
	if err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := &counter{each: func(n int64) {
		if n == 10 {
			cam.Hang()
		}
	}}
	if err := c.Setup(t.Context(), d.Media[0], d.Media[0].Formats[0], false, out); err != nil {
		t.Fatal(err)
	}
	if err := c.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = c.Run(t.Context(), time.Second, time.Second) // the camera hangs up
	if _, ever := cam.Sessions(); out.packets.Load() < 10 || ever != 1 {
		t.Errorf("%d packets in %d sessions", out.packets.Load(), ever)
	}
}
