package cameratest

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// Session is one connection of a client.
type Session struct {
	Camera *Camera

	conn     net.Conn
	loggedIn bool          // credentials were sent; protected by the mu of the camera
	done     chan struct{} // closed when the session ends
	once     sync.Once     // of Close

	mu     sync.Mutex
	tracks map[int]*Track
	all    []*Track // including those that were set up again
}

func newSession(c *Camera, conn net.Conn) *Session {
	return &Session{Camera: c, conn: conn, done: make(chan struct{}), tracks: map[int]*Track{}}
}

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the session.
func (s *Session) Close() {
	s.once.Do(func() {
		close(s.done)
		_ = s.conn.Close() // nobody can act on an error
	})
}

// Track returns a track that the client has set up, 0 for video and 1 for audio; nil if it has not.
func (s *Session) Track(n int) *Track {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tracks[n]
}

// Write sends bytes inside the RTSP connection.
func (s *Session) Write(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.conn.Write(data); err != nil {
		s.Close()
	}
}

func (s *Session) sendInterleaved(channel byte, p []byte) { s.Write(interleaved(channel, p)) }

// run answers requests until the connection ends.
func (s *Session) run() {
	defer func() {
		s.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, t := range s.all {
			t.close()
		}
	}()
	r := bufio.NewReader(s.conn)
	for {
		if err := skipPackets(r); err != nil {
			return
		}
		var req base.Request
		if err := req.Unmarshal(r); err != nil {
			return
		}
		s.Camera.note(s, &req)
		s.respond(&req)
	}
}

// skipPackets discards the client's RTCP packets, and its answers to requests of the camera, in front of a request.
func skipPackets(r *bufio.Reader) error {
	for {
		head, err := r.Peek(4)
		switch {
		case err != nil:
			return err
		case head[0] == '$':
			_, err = r.Discard(4 + int(head[2])<<8 + int(head[3]))
		case string(head) == "RTSP":
			var answer base.Response
			err = answer.Unmarshal(r)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *Session) respond(req *base.Request) {
	res := s.answer(req)
	if res.Header == nil {
		res.Header = base.Header{}
	}
	res.Header["CSeq"] = req.Header["CSeq"]
	data, err := res.Marshal()
	if err != nil {
		panic(err) // a response in memory has nothing that could fail
	}
	s.Write(data)
	switch {
	case res.StatusCode != base.StatusOK:
	case req.Method == base.Play:
		s.play()
	case req.Method == base.Teardown:
		s.Close()
	}
}

func (s *Session) answer(req *base.Request) *base.Response {
	c := s.Camera
	if req.Method != base.Options && !s.admits(req) {
		return &base.Response{StatusCode: base.StatusUnauthorized, Header: base.Header{
			"WWW-Authenticate": auth.GenerateWWWAuthenticate(c.methods(), "cam", c.nonce),
		}}
	}
	if c.Answer != nil {
		if res := c.Answer(s, req); res != nil {
			return res
		}
	}
	switch req.Method {
	case base.Options:
		return ok(base.Header{"Public": {"OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"}})
	case base.Describe:
		return s.describe(req)
	case base.Setup:
		return s.setup(req)
	case base.Play, base.Pause, base.Teardown, base.GetParameter:
		return ok(base.Header{"Session": {"1234"}})
	}
	return &base.Response{StatusCode: base.StatusNotImplemented}
}

func ok(h base.Header) *base.Response { return &base.Response{StatusCode: base.StatusOK, Header: h} }

func (c *Camera) methods() []auth.VerifyMethod {
	if c.Methods != nil {
		return c.Methods
	}
	return []auth.VerifyMethod{auth.VerifyMethodBasic, auth.VerifyMethodDigestMD5}
}

// admits tells whether the request has the right credentials, or needs none.
func (s *Session) admits(req *base.Request) bool {
	c := s.Camera
	return c.User == "" || auth.Verify(req, c.User, c.Password, c.methods(), "cam", c.nonce) == nil
}

func (s *Session) describe(req *base.Request) *base.Response {
	sdp := s.Camera.DefaultSDP
	if s.Camera.SDP != nil {
		sdp = s.Camera.SDP
	}
	res := ok(base.Header{"Content-Type": {"application/sdp"}, "Content-Base": {strings.TrimSuffix(req.URL.String(), "/") + "/"}})
	res.Body = []byte(sdp())
	return res
}

// setup makes the track that the URL names, with the transport that the client wants (RFC 2326 12.39).
func (s *Session) setup(req *base.Request) *base.Response {
	n, payloadType := 0, VideoPayloadType
	if strings.HasSuffix(req.URL.String(), "track1") && s.Camera.Audio != nil {
		n, payloadType = 1, s.Camera.Audio.PayloadType
	}
	wanted := strings.Join(req.Header["Transport"], "")
	t := newTrack(s, payloadType)
	transport, err := t.open(wanted, s.conn.RemoteAddr())
	if err != nil {
		return &base.Response{StatusCode: base.StatusUnsupportedTransport}
	}
	s.mu.Lock()
	s.tracks[n], s.all = t, append(s.all, t)
	s.mu.Unlock()
	session := "1234"
	if s.Camera.Timeout > 0 {
		session += ";timeout=" + strconv.Itoa(s.Camera.Timeout)
	}
	return ok(base.Header{"Transport": {transport}, "Session": {session}})
}

// open prepares the track for the transport that the client wants. It returns the header of the answer.
func (t *Track) open(wanted string, client net.Addr) (string, error) {
	if strings.Contains(wanted, "TCP") {
		channel, err := parameter(wanted, "interleaved=")
		if err != nil {
			return "", err
		}
		t.interleave(byte(channel))
		return fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", channel, channel+1), nil
	}
	port, err := parameter(wanted, "client_port=")
	if err != nil {
		return "", err
	}
	host := client.(*net.TCPAddr).IP
	var ports [2]int
	for i, send := range []*func([]byte){&t.rtp, &t.rtcp} {
		c, err := net.DialUDP("udp", &net.UDPAddr{IP: host}, &net.UDPAddr{IP: host, Port: port + i})
		if err != nil {
			return "", err
		}
		t.sockets = append(t.sockets, c)
		ports[i] = c.LocalAddr().(*net.UDPAddr).Port
		*send = func(p []byte) { _, _ = c.Write(p) } // datagrams may be lost
	}
	return fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d", port, port+1, ports[0], ports[1]), nil
}

// parameter returns the first number behind name in a Transport header.
func parameter(header, name string) (int, error) {
	_, rest, _ := strings.Cut(header, name)
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	return strconv.Atoi(digits)
}

// play sends media in goroutines of their own.
func (s *Session) play() {
	c := s.Camera
	if c.Play != nil {
		c.work.Go(func() { c.Play(s) })
		return
	}
	if t := s.Track(0); t != nil {
		c.work.Go(func() { s.PlayVideo(t) })
	}
	if t := s.Track(1); t != nil {
		c.work.Go(func() { s.PlayAudio(t) })
	}
}

// PlayVideo sends the stream in a loop until the session ends or the track is set up again. Every 5 s it sends a sender report.
func (s *Session) PlayVideo(t *Track) {
	c, stream := s.Camera, s.Camera.Stream
	start, base := time.Now(), rand.Uint32()
	for n := 0; s.wait(start.Add(time.Duration(n)*time.Second/time.Duration(stream.FPS))) && s.Track(0) == t; n++ {
		timestamp := base + uint32(n*90000/stream.FPS)
		unit := stream.Units[n%len(stream.Units)]
		if c.SendUnit != nil {
			c.SendUnit(t, n, unit, timestamp)
		} else {
			t.SendUnit(stream.PackUnit(unit), timestamp)
		}
		if n%(stream.FPS*5) == 0 {
			t.Report(timestamp, time.Now())
		}
	}
}

// PlayAudio sends the audio until the session ends or the track is set up again.
func (s *Session) PlayAudio(t *Track) {
	a := s.Camera.Audio
	start, base := time.Now(), rand.Uint32()
	for n := 0; s.wait(start.Add(time.Duration(n)*a.Every)) && s.Track(1) == t; n++ {
		if a.Send != nil {
			a.Send(t, n)
			continue
		}
		t.Send(a.Payload(n), base+uint32(n)*a.Step, a.Marker || n == 0)
	}
}

// Wait waits for a duration. The result is false if the session has ended.
func (s *Session) Wait(d time.Duration) bool { return s.wait(time.Now().Add(d)) }

// wait waits until a time. The result is false if the session has ended.
func (s *Session) wait(until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-s.done:
		return false
	case <-timer.C:
		return true
	}
}
