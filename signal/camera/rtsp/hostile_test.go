package rtsp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/conn"
)

// connected returns a client of url whose session plays, and the camera's end of its connection.
func connected(t *testing.T, url string, nc net.Conn) *Client {
	t.Helper()
	u, err := base.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{
		cfg: Config{URL: u, Patience: defaultPatience}, conn: nc, reader: bufio.NewReader(nc), baseURL: u, session: "1",
	}
	c.rtsp = conn.NewConn(c.reader, nc)
	c.period.Store(int64(time.Second))
	return c
}

// tcp returns both ends of a TCP connection.
func tcp(t *testing.T) (client, camera net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if camera, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), camera.Close() })
	return client, camera
}

// TestEveryKeepAliveIsRefused: a camera whose nonce is always too old gets each request twice, and no more.
func TestEveryKeepAliveIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := connected(t, "rtsp://u:p@cam/live", near)
		requests, done := 0, make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = far.Close() }()
			for r := bufio.NewReader(far); requests < 1000; requests++ {
				var req base.Request
				if req.Unmarshal(r) != nil {
					return
				}
				res := base.Response{StatusCode: 401, Header: base.Header{"WWW-Authenticate": {`Digest realm="cam", nonce="n", stale=true`}}}
				data, _ := res.Marshal()
				if _, err := far.Write(data); err != nil {
					return
				}
			}
		}()
		err := c.Run(t.Context(), 10*time.Second+attendEvery/2, time.Second)
		c.session = ""
		c.Close()
		<-done
		if !errors.Is(err, ErrNoMedia) || requests < 18 || requests > 20 {
			t.Errorf("%d requests in 10 s, want two in each second; %v", requests, err)
		}
	})
}

// TestACameraThatDoesNotRead: the client notices that nothing comes, and ends when it is told to.
func TestACameraThatDoesNotRead(t *testing.T) {
	for name, c := range map[string]struct {
		run   func(context.Context, *Client) error
		after time.Duration // the context ends
		want  error
		took  time.Duration // at most
	}{
		"silence": {
			func(ctx context.Context, c *Client) error { return c.Run(ctx, 3*time.Second, time.Second) }, time.Minute,
			ErrNoMedia, 3*time.Second + attendEvery,
		},
		"end while it plays": {
			func(ctx context.Context, c *Client) error { return c.Run(ctx, time.Minute, time.Minute) }, 1200 * time.Millisecond,
			context.DeadlineExceeded, 1200 * time.Millisecond,
		},
		"end while it is set up": {
			func(ctx context.Context, c *Client) error { _, err := c.Describe(ctx); return err }, time.Second,
			context.DeadlineExceeded, time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer func() { _ = far.Close() }()
				client := connected(t, "rtsp://cam/live", near)
				ctx, cancel := context.WithTimeout(t.Context(), c.after)
				defer cancel()
				began := time.Now()
				err := c.run(ctx, client)
				if took := time.Since(began); !errors.Is(err, c.want) || took > c.took {
					t.Errorf("%v after %v, want %v after %v", err, took, c.want, c.took)
				}
				began = time.Now()
				client.Close()
				if took := time.Since(began); took > 500*time.Millisecond {
					t.Errorf("Close took %v", took)
				}
			})
		})
	}
}

// TestRequestsOfACameraThatDoesNotRead: their answers hold up neither the session nor the watch for silence.
func TestRequestsOfACameraThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer func() { _ = far.Close() }()
		c := connected(t, "rtsp://cam/live", near)
		go func() { _, _ = far.Write([]byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")) }()
		began := time.Now()
		err := c.Run(t.Context(), 3*time.Second, time.Second)
		if took := time.Since(began); !errors.Is(err, ErrNoMedia) || took > 3*time.Second+attendEvery {
			t.Errorf("%v after %v", err, took)
		}
		c.Close()
	})
}

// TestAMessageThatIsNotReadWhole: the camera could not understand another one behind it.
func TestAMessageThatIsNotReadWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := connected(t, "rtsp://cam/live", near)
		rest := make(chan int)
		go func() {
			_, _ = io.ReadFull(far, make([]byte, 10))
			time.Sleep(3 * time.Second)
			data, _ := io.ReadAll(far)
			rest <- len(data)
		}()
		if err := c.Run(t.Context(), 10*time.Second, time.Second); !errors.Is(err, ErrNoMedia) {
			t.Error(err)
		}
		c.Close()
		if n := <-rest; n != 0 {
			t.Errorf("%d bytes came behind the first ten", n)
		}
	})
}

// TestNothingIsWrittenAfterTheEnd of the context: a message that comes later does not wait for the camera.
func TestNothingIsWrittenAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer func() { _ = far.Close() }()
		c := connected(t, "rtsp://cam/live", near)
		ctx, cancel := context.WithCancel(t.Context())
		restore := c.interruptAt(ctx)
		cancel()
		synctest.Wait()
		began := time.Now()
		c.keepAlive()
		c.sendInterleaved(1, []byte{0})
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		restore()
		c.Close()
	})
}

// datagram returns the next datagram of a socket, and whether one came within 200 ms.
func datagram(t *testing.T, socket *net.UDPConn) bool {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, _, err := socket.ReadFromUDPAddrPort(make([]byte, 1500))
	return err == nil
}

// TestSourceOfAnotherHost: media may come from the address that the camera names, and from its own. Nothing is sent to the
// address that it names.
func TestSourceOfAnotherHost(t *testing.T) {
	near, _ := tcp(t)
	camera, rtcp, err := openPair()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = camera.Close(), rtcp.Close() }()
	at := uint16(camera.LocalAddr().(*net.UDPAddr).Port)
	_, _ = camera.Close(), rtcp.Close()
	open := func(host string) *net.UDPConn {
		socket, errListen := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), at)))
		if errListen != nil {
			t.Fatal(errListen)
		}
		return socket
	}
	camera = open("127.0.0.1")
	victim, stranger := open("127.0.0.2"), open("127.0.0.3")
	defer func() { _, _, _ = camera.Close(), victim.Close(), stranger.Close() }()

	c := connected(t, "rtsp://cam/live", near)
	strangers := make(chan error, 1)
	c.cfg.OnFault = func(_ Fault, err error) { strangers <- err }
	came := make(arrivals, 10)
	track := &Track{client: c, format: Format{PayloadType: 96, ClockRate: 90000}, out: came}
	if _, err = track.request(0, true); err != nil {
		t.Fatal(err)
	}
	c.tracks = []*Track{track}
	if err = track.connect(fmt.Sprintf("RTP/AVP;unicast;source=127.0.0.2;server_port=%d-%d", at, at+1)); err != nil {
		t.Fatal(err)
	}
	track.start()
	if !datagram(t, camera) || datagram(t, victim) {
		t.Error("the first packet goes to the address that the camera names")
	}
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: track.rtp.LocalAddr().(*net.UDPAddr).Port}
	for i, socket := range []*net.UDPConn{stranger, victim, camera} {
		if _, err = socket.WriteToUDP(packet(t, 96, uint16(i), 1), to); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []uint16{1, 2} {
		select {
		case got := <-came:
			if got != want {
				t.Errorf("packet %d, want %d", got, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("packet %d is missing", want)
		}
	}
	if err = <-strangers; !strings.Contains(err.Error(), "127.0.0.3") {
		t.Error(err)
	}
	c.session = ""
	c.Close()
}

// TestASocketThatFails for ever is given up.
func TestASocketThatFails(t *testing.T) {
	socket, rtcp, err := openPair()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = socket.Close(), rtcp.Close() }()
	if err = socket.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	track, _ := newTrack(&keeper{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		track.listen(socket, 0, func([]byte) {})
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("it is read again and again")
		_ = socket.Close() // ends the goroutine
		<-done
	}
}

// TestRedirections: which credentials go along.
func TestRedirections(t *testing.T) {
	near, _ := tcp(t)
	for _, c := range []struct{ url, location, want string }{
		{"rtsp://u:p@cam/live", "rtsp://cam:8554/1", "rtsp://u:p@cam:8554/1"},
		{"rtsp://u:p@cam/live", "rtsps://CAM/1", "rtsps://u:p@CAM/1"},
		{"rtsp://u:p@cam/live", "rtsp://127.0.0.1/1", "rtsp://u:p@127.0.0.1/1"}, // the connection's address
		{"rtsp://u:p@cam/live", "rtsp://127.0.0.2/1", "rtsp://127.0.0.2/1"},
		{"rtsp://u:p@cam/live", "rtsp://cam.example/1", "rtsp://cam.example/1"},
		{"rtsp://u:p@cam/live", "rtsp://x:y@cam/1", "rtsp://u:p@cam/1"},
		{"rtsp://u:p@cam/live", "rtsp://x:y@other/1", "rtsp://other/1"},
		{"rtsp://cam/live", "rtsp://x:y@cam/1", "rtsp://cam/1"},
		{"rtsp://cam/live", "rtsp://x:y@other/1", "rtsp://other/1"},
		{"rtsps://u:p@cam/live", "rtsp://cam/1", ""},
		{"rtsp://u:p@cam/live", "rtsp:///1", ""},
		{"rtsp://u:p@cam/live", "http://cam/1", ""},
	} {
		err := connected(t, c.url, near).redirect(c.location)
		var redirect *Redirect
		if errors.As(err, &redirect) != (c.want != "") || redirect != nil && redirect.URL.String() != c.want {
			t.Errorf("%s to %s: %v, %v; want %s", c.url, c.location, redirect, err, c.want)
		}
	}
}
