package cameratest

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
)

// VideoPayloadType is the RTP payload type of the video.
const VideoPayloadType = 96

// Camera is a fake camera. Its fields may be set before Start. All functions may be called by several goroutines at once.
type Camera struct {
	Stream *Stream
	Audio  *Audio // nil: no audio track

	User, Password string              // empty User: the camera needs no login
	Methods        []auth.VerifyMethod // accepted ways to log in; nil: Basic, and Digest with MD5
	TLS            *tls.Config         // nil: RTSP, otherwise RTSPS
	SDP            func() string       // nil: DefaultSDP
	Timeout        int                 // of a session, in seconds; zero: none is told
	// Answer replaces the answer to a request; nil or a nil result: the camera answers as usual.
	Answer func(*Session, *base.Request) *base.Response
	// SendUnit sends access unit n of a session; nil: with the marker bit on the last packet.
	SendUnit func(v *Track, n int, unit [][]byte, timestamp uint32)
	// Play replaces all that is sent after PLAY; nil: the stream in a loop, and the audio.
	Play func(*Session)

	address  string
	nonce    string
	work     sync.WaitGroup
	mu       sync.Mutex
	listener net.Listener
	sessions map[*Session]struct{}
	opened   int
	requests []string
	logins   int
}

// Start makes the camera listen on loopback until the test ends or Stop is called. After Stop it may be started again; it
// then has the same address.
func (c *Camera) Start(t testing.TB) *Camera {
	t.Helper()
	address := c.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c.address = l.Addr().String()
	if c.nonce == "" {
		c.nonce, _ = auth.GenerateNonce() // an empty nonce works too
	}
	if c.TLS != nil {
		l = tls.NewListener(l, c.TLS)
	}
	c.mu.Lock()
	c.listener, c.sessions = l, map[*Session]struct{}{}
	c.mu.Unlock()
	c.work.Go(func() { c.accept(l) })
	t.Cleanup(c.Stop)
	return c
}

// Stop closes the camera's socket and all its sessions, and waits for them. It may be called twice.
func (c *Camera) Stop() {
	c.mu.Lock()
	if c.listener != nil {
		_ = c.listener.Close() // it may be closed already
	}
	for s := range c.sessions {
		s.Close()
	}
	c.mu.Unlock()
	c.work.Wait()
}

// Hang closes all sessions. The camera goes on to listen.
func (c *Camera) Hang() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.sessions {
		s.Close()
	}
}

// URL returns the URL of the camera's stream, without credentials.
func (c *Camera) URL() string { return c.url("") }

// LoginURL returns the URL of the camera's stream with credentials.
func (c *Camera) LoginURL(user, password string) string { return c.url(user + ":" + password + "@") }

func (c *Camera) url(credentials string) string {
	scheme := "rtsp"
	if c.TLS != nil {
		scheme = "rtsps"
	}
	return scheme + "://" + credentials + c.address + "/live"
}

// Sessions returns how many connections are open now, and how many ever were.
func (c *Camera) Sessions() (now, ever int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sessions), c.opened
}

// Logins returns how many connections have sent credentials.
func (c *Camera) Logins() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logins
}

// Requests returns all requests, each as its method and its URL.
func (c *Camera) Requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.requests...)
}

func (c *Camera) note(s *Session, r *base.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	url := "*"
	if r.URL != nil {
		url = r.URL.String()
	}
	c.requests = append(c.requests, string(r.Method)+" "+url)
	if len(r.Header["Authorization"]) > 0 && !s.loggedIn {
		s.loggedIn = true
		c.logins++
	}
}

func (c *Camera) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s := newSession(c, conn)
		c.mu.Lock()
		c.sessions[s] = struct{}{}
		c.opened++
		c.mu.Unlock()
		c.work.Go(func() {
			s.run()
			c.mu.Lock()
			delete(c.sessions, s)
			c.mu.Unlock()
		})
	}
}

// DefaultSDP returns the session description (RFC 8866) of the stream and the audio.
func (c *Camera) DefaultSDP() string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=cam\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n")
	name := strings.ToUpper(string(c.Stream.Codec))
	if c.Stream.Codec == mixer.MJPEG {
		name = "JPEG"
	}
	fmt.Fprintf(&b, "m=video 0 RTP/AVP %d\r\na=rtpmap:%[1]d %s/90000\r\n", VideoPayloadType, name)
	b.WriteString(c.Stream.FMTP(VideoPayloadType))
	b.WriteString("a=control:track0\r\n")
	if a := c.Audio; a != nil {
		fmt.Fprintf(&b, "m=audio 0 RTP/AVP %d\r\n%sa=control:track1\r\n", a.PayloadType, a.SDP)
	}
	return b.String()
}
