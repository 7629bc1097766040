package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
	"azulejo/signal/camera/rtsp"
)

// answer returns a function that answers one kind of request with a status code.
func answer(method base.Method, code base.StatusCode) func(*cameratest.Session, *base.Request) *base.Response {
	return func(_ *cameratest.Session, req *base.Request) *base.Response {
		if req.Method == method {
			return &base.Response{StatusCode: code}
		}
		return nil
	}
}

// hangUp closes the session at one kind of request.
func hangUp(method base.Method) func(*cameratest.Session, *base.Request) *base.Response {
	return func(s *cameratest.Session, req *base.Request) *base.Response {
		if req.Method == method {
			s.Close()
		}
		return nil
	}
}

// host starts a TCP server that does something with each connection.
func host(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
			_ = c.Close() // it may be closed already
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // it may be closed already
		<-done
	})
	return l.Addr().String()
}

// TestFailures: each way in which a session can fail has its reason, and a sentence that names the cause.
func TestFailures(t *testing.T) {
	t.Parallel()
	camera := func(c *cameratest.Camera) func(*testing.T) string {
		return func(t *testing.T) string {
			c.Stream = film(t, mixer.H264)
			c.Start(t)
			if c.Password != "" {
				return c.LoginURL("gate", "wrong")
			}
			return c.URL()
		}
	}
	fixed := func(url string) func(*testing.T) string { return func(*testing.T) string { return url } }
	server := func(scheme string, serve func(net.Conn)) func(*testing.T) string {
		return func(t *testing.T) string { return scheme + "://" + host(t, serve) + "/live" }
	}
	wait := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) } // until the client hangs up
	for name, c := range map[string]struct {
		url    func(*testing.T) string
		reason mixer.Reason
		detail string
	}{
		"nobody listens":         {fixed("rtsp://127.0.0.1:1/live"), mixer.ReasonRefused, "127.0.0.1:1 refuses connections"},
		"unknown host":           {fixed("rtsp://no-such-camera.invalid/live"), mixer.ReasonUnknownHost, "no-such-camera.invalid"},
		"never answers":          {server("rtsp", wait), mixer.ReasonTimeout, "accepts the connection, but does not answer"},
		"never answers with TLS": {server("rtsps", wait), mixer.ReasonTimeout, "does not answer"},
		"hangs up at once":       {server("rtsp", func(net.Conn) {}), mixer.ReasonRefused, "closed the connection"},
		"speaks HTTP": {server("rtsp", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nRTxxxxxxxxxx\r\n\r\n"+strings.Repeat("R", 600))
		}), mixer.ReasonRefused, "closed the connection"},
		"speaks no TLS": {server("rtsps", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_, _ = io.WriteString(c, "RTSP/1.0 400 Bad Request\r\n\r\n")
		}), mixer.ReasonRefused, "does not speak TLS"},
		"wrong password, Digest": {
			camera(&cameratest.Camera{User: "gate", Password: "secret"}), mixer.ReasonWrongPassword, "user name or the password",
		},
		"wrong password, Basic": {
			camera(&cameratest.Camera{User: "gate", Password: "secret", Methods: []auth.VerifyMethod{auth.VerifyMethodBasic}}),
			mixer.ReasonWrongPassword, "user name or the password",
		},
		"no password": {camera(&cameratest.Camera{User: "gate"}), mixer.ReasonWrongPassword, "asks for a user name"},
		"unknown login": {camera(&cameratest.Camera{Password: "x", Answer: func(*cameratest.Session, *base.Request) *base.Response {
			return &base.Response{StatusCode: 401, Header: base.Header{"WWW-Authenticate": {"Bearer realm=x"}}}
		}}), mixer.ReasonRefused, "Basic and Digest"},
		"forbidden":          {camera(&cameratest.Camera{Answer: answer(base.Describe, 403)}), mixer.ReasonForbidden, "403 Forbidden"},
		"forbidden at SETUP": {camera(&cameratest.Camera{Answer: answer(base.Setup, 403)}), mixer.ReasonForbidden, "403 Forbidden"},
		"no such stream":     {camera(&cameratest.Camera{Answer: answer(base.Describe, 404)}), mixer.ReasonNoSuchStream, "404 Not Found"},
		"no such session": {
			camera(&cameratest.Camera{Answer: answer(base.Play, 454)}), mixer.ReasonNoSuchStream, "454 Session Not Found",
		},
		"too many clients": {
			camera(&cameratest.Camera{Answer: answer(base.Describe, 453)}), mixer.ReasonRefused, "DESCRIBE: 453 Not Enough Bandwidth",
		},
		"out of order": {
			camera(&cameratest.Camera{Answer: answer(base.Play, 503)}), mixer.ReasonRefused, "PLAY: 503 Service Unavailable",
		},
		"unknown status":       {camera(&cameratest.Camera{Answer: answer(base.Describe, 599)}), mixer.ReasonRefused, "DESCRIBE: 599"},
		"hangs up at DESCRIBE": {camera(&cameratest.Camera{Answer: hangUp(base.Describe)}), mixer.ReasonRefused, "closed the connection"},
		"hangs up at PLAY":     {camera(&cameratest.Camera{Answer: hangUp(base.Play)}), mixer.ReasonRefused, "closed the connection"},
		"hangs up while it plays": {
			camera(&cameratest.Camera{Play: func(s *cameratest.Session) { s.Close() }}), mixer.ReasonReconnecting, "broke",
		},
		"no data": {camera(&cameratest.Camera{Play: func(*cameratest.Session) {}}), mixer.ReasonNoData, "no RTP packets arrive"},
		"only reports and answers": {camera(&cameratest.Camera{Timeout: 1, Play: func(s *cameratest.Session) {
			for s.Wait(100 * time.Millisecond) {
				s.Track(0).Report(1, time.Now())
			}
		}}), mixer.ReasonNoData, "no RTP packets arrive"},
		"a loop of redirections": {camera(&cameratest.Camera{Answer: func(_ *cameratest.Session, req *base.Request) *base.Response {
			if req.Method == base.Describe {
				return &base.Response{StatusCode: 302, Header: base.Header{"Location": {req.URL.String()}}}
			}
			return nil
		}}), mixer.ReasonRefused, "redirected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newTrial(t, Config{}, c.url(t))
			r.feed.patience = patience{answer: 700 * time.Millisecond, data: 700 * time.Millisecond, udp: 300 * time.Millisecond}
			err := r.run(t, func(*trial) bool { return false })
			var f *Failure
			if !errors.As(err, &f) || f.Reason != c.reason || !strings.Contains(f.Error(), c.detail) {
				t.Errorf("%v; want %s, %q", err, c.reason, c.detail)
			}
			if f != nil && (strings.Contains(f.Error(), "wrong") || f.Detail == "") {
				t.Errorf("the failure %q has no sentence, or the password", f.Error())
			}
		})
	}
}

// TestPatienceIsBelowTenSeconds: a host that never answers has failed before 10 s have passed.
func TestPatienceIsBelowTenSeconds(t *testing.T) {
	in, err := Config{Name: "Gate"}.parse("rtsp://127.0.0.1/live")
	if err != nil || in.rtsp.patience.answer >= 10*time.Second {
		t.Errorf("the patience is %+v, error %v", in.rtsp.patience, err)
	}
}

// TestEndOfContextIsNoFailure at any step of a session.
func TestEndOfContextIsNoFailure(t *testing.T) {
	t.Parallel()
	for _, method := range []base.Method{base.Options, base.Describe, base.Setup, base.Play, ""} {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			cam := &cameratest.Camera{Stream: film(t, mixer.H264), Play: func(*cameratest.Session) { cancel() }}
			cam.Answer = func(s *cameratest.Session, req *base.Request) *base.Response {
				if req.Method == method {
					cancel()
					<-s.Done()
				}
				return nil
			}
			cam.Start(t)
			if err := newTrial(t, Config{}, cam.URL()).feed.Run(ctx, func(mixer.Packet) {}, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWordsOfACameraAreClipped: what a camera says fits into a sentence, and what is accepted is still told.
func TestWordsOfACameraAreClipped(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\x1b[31m\xff\u202e한\n", 10_000)
	var many strings.Builder
	many.WriteString("m=video 0 RTP/AVP 96 97 98 99 100 101 102\r\nm=audio 0 RTP/AVP 96 97 98 99 100 101 102\r\n")
	for kind := 96; kind <= 102; kind++ {
		fmt.Fprintf(&many, "a=rtpmap:%d X%d/8000\r\n", kind, kind)
	}
	one := "m=video 0 RTP/AVP 96\r\na=rtpmap:96 " + strings.ReplaceAll(long, "\n", "") + "/1\r\n"
	_, errAAC := aacTrack(rtsp.Format{Encoding: "MPEG4-GENERIC", Parameters: map[string]string{"config": long}})
	_, errLong := aacTrack(rtsp.Format{Encoding: "MPEG4-GENERIC", Parameters: map[string]string{"config": strings.Repeat("00", 50_000)}})
	u, err := base.ParseURL("rtsps://u:p@cam/live")
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{
		"X96 or X97 or X98 or X99 or X100 or others; accepted are AAC": noAudio(rtsp.ParseSDP(many.String())).Detail,
		"; accepted are H.264":             noVideo(rtsp.ParseSDP(one)).Detail,
		"refuses PLAY: 599 ":               explain(&rtsp.StatusError{Method: base.Play, Code: 599, Message: long}, u, "").Detail,
		"no session with cam":              explain(errors.New("no"), u, "").Detail,
		"AB:CD accepts":                    explain(&certificateError{"AB:CD", errors.New(long)}, u, "").Detail,
		"accepted are hex":                 fail(mixer.ReasonBadAudioConfig, errAAC.Error()).Detail,
		"AAC configuration of 50000 bytes": fail(mixer.ReasonBadAudioConfig, errLong.Error()).Detail,
		"[31m":                             (&Failure{Err: errors.New(long)}).Error()[2:],
	} {
		hidden := strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) })
		if !strings.Contains(text, want) || utf8.RuneCountInString(text) > 200 || !utf8.ValidString(text) || hidden {
			t.Errorf("%q; want %q", text, want)
		}
	}
}

// TestLoginIsAskedBeforeCredentials: not for a camera that needs no login, once for one that does, and its error ends the
// session before credentials are sent.
func TestLoginIsAskedBeforeCredentials(t *testing.T) {
	t.Parallel()
	open := (&cameratest.Camera{Stream: film(t, mixer.H264)}).Start(t)
	closed := (&cameratest.Camera{Stream: film(t, mixer.H264), User: "gate", Password: "secret"}).Start(t)
	later := &Failure{Trouble: mixer.Trouble{Reason: mixer.ReasonWrongPassword, Detail: "next login later"}}
	for _, c := range []struct {
		cam    *cameratest.Camera
		refuse error
		asked  int
		logins int
	}{{open, later, 0, 0}, {closed, nil, 1, 1}, {closed, later, 1, 1}} {
		r := newTrial(t, Config{}, c.cam.LoginURL("gate", "secret"))
		asked := 0
		r.feed.login = func(context.Context, *base.URL) error { asked++; return c.refuse }
		err := r.run(t, keyframeCame)
		if asked != c.asked || c.cam.Logins() != c.logins {
			t.Errorf("asked %d times, %d logins; want %d, %d", asked, c.cam.Logins(), c.asked, c.logins)
		}
		if want := c.asked == 1 && c.refuse != nil; want != errors.Is(err, later) {
			t.Errorf("error %v", err)
		}
	}
}

// TestLoginsWaitForAnAnswerOnly: other channels of a recorder log in before the first ones play.
func TestLoginsWaitForAnAnswerOnly(t *testing.T) {
	t.Parallel()
	const channels = 6
	recorder := &cameratest.Camera{Stream: film(t, mixer.H264), User: "gate", Password: "secret"}
	recorder.Answer = func(s *cameratest.Session, req *base.Request) *base.Response {
		for req.Method == base.Setup && recorder.Logins() < channels && s.Wait(10*time.Millisecond) {
		}
		return nil
	}
	recorder.Start(t)
	logins := NewLogins()
	var all sync.WaitGroup
	for range channels {
		r := newTrial(t, Config{Logins: logins}, recorder.LoginURL("gate", "secret"))
		all.Go(func() {
			if err := r.run(t, keyframeCame); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestBadConfigurations are refused with what is accepted.
func TestBadConfigurations(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	url := "rtsps://127.0.0.1/live"
	for want, c := range map[string]Config{
		`"pigeon": accepted are auto, tcp, udp`:         {URL: url, Transport: "pigeon"},
		"without encryption: accepted are auto, tcp":    {URL: url, Transport: TransportUDP},
		`tls.fingerprint: "12:zz": accepted are the 64`: {URL: url, TLS: TLSConfig{Fingerprint: "12:zz"}},
		`tls.fingerprint: "1234": accepted are the 64`:  {URL: url, TLS: TLSConfig{Fingerprint: "1234"}},
		"/nowhere.pem":                                {URL: url, TLS: TLSConfig{CA: "/nowhere.pem"}},
		"has no certificate":                          {URL: url, TLS: TLSConfig{CA: empty}},
		"accepted is one of them at most":             {URL: url, TLS: TLSConfig{CA: empty, Insecure: true}},
		"%23 %2F %3F %25":                             {URL: "rtsp://gate:a#b@127.0.0.1/live"},
		"must be percent-encoded":                     {URL: "rtsp://gate:a/b@127.0.0.1/live"},
		"rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH; in": {URL: "rtsp://gate:a?b@127.0.0.1/live"},
		"the user and the password, # / ? %":          {URL: "rtsp://gate:a%b@127.0.0.1/live"},
		"rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH":     {URL: "rtsp://:554/live"},
	} {
		c.Name = "Gate"
		err := c.Validate()
		if err == nil {
			t.Fatalf("%+v is accepted", c)
		}
		text := err.Error()
		if !strings.Contains(text, want) || strings.Contains(text, "gate:a") {
			t.Errorf("%+v gave %v, want %q", c, err, want)
		}
	}
	good := Config{Name: "Gate", URL: "rtsp://gate:%23%2F%3F%25@127.0.0.1/live"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

// TestNetworkFailures that a test cannot make.
func TestNetworkFailures(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]mixer.Reason{
		syscall.EHOSTUNREACH: mixer.ReasonUnreachable, syscall.ENETUNREACH: mixer.ReasonUnreachable, syscall.ETIMEDOUT: mixer.ReasonTimeout,
		syscall.ECONNRESET: mixer.ReasonRefused, syscall.EPIPE: mixer.ReasonRefused, syscall.EINVAL: mixer.ReasonRefused,
	} {
		err := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", cause)}
		if got, detail := explainNetwork(err, "cam:554"); got != want || !strings.Contains(detail, "cam:554") {
			t.Errorf("%v: %s, %q; want %s", cause, got, detail, want)
		}
	}
}
