// Package rtsp is a client of RTSP 1.0 (RFC 2326) that plays the media of a camera. Its caller connects, reads the session
// description, sets up tracks, and runs the session; the tracks then receive RTP packets in the order of their arrival, over
// the RTSP connection or over UDP. It is tolerant: trouble with single packets and messages is reported and ends nothing.
//
// One goroutine calls the methods of a Client. Packets come from this goroutine, or with UDP from one goroutine for each track.
package rtsp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/conn"
)

// Config describes a session.
type Config struct {
	URL *base.URL   // with credentials, if there are any
	TLS *tls.Config // for rtsps; it has the ServerName
	// Login is called before credentials are sent over the connection for the first time. It may wait until ctx ends. An error
	// ends the session. Nil: credentials are always sent.
	Login func(ctx context.Context) error
	// OnFault is called for trouble that harms single packets. Several goroutines may call it at once.
	OnFault func(Fault, error)
	// OnReceiveBuffer is called when the kernel gives a UDP socket a smaller receive buffer than was requested, in bytes.
	OnReceiveBuffer func(got, wanted int)
	Patience        time.Duration // how long a connection, and then each answer, may take; zero: 8 s
}

// Client is one connection to a camera.
type Client struct {
	cfg    Config
	conn   net.Conn
	reader *bufio.Reader
	rtsp   *conn.Conn

	baseURL    *base.URL // of the session; the request URL before DESCRIBE
	parameters bool      // the camera supports GET_PARAMETER
	tracks     []*Track
	channels   [256]channel
	lastPacket atomic.Int64 // when the last RTP packet of a track came, in Unix nanoseconds; zero: none has come
	readers    sync.WaitGroup

	period atomic.Int64 // between two requests that keep the session alive, in ns
	ended  atomic.Bool  // nothing more is written, see interruptAt
	spare  atomic.Bool  // a request that keeps the session alive may be sent again, see readKept

	mu         sync.Mutex // held while a message is written
	deaf       bool       // a message could not be written whole; so the camera would not understand another one
	sequence   int
	session    string
	sender     *auth.Sender // nil until credentials are sent
	authorized bool         // the camera has accepted the credentials
}

// channel says which packets an interleaved channel has.
type channel struct {
	track *Track // nil: unknown
	rtcp  bool
}

// longestPeriod is the longest time between two requests that keep the session alive.
const longestPeriod = 30 * time.Second

// Dial connects to the camera. The connection ends when ctx does; the caller must Close it in any case.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Patience)
	defer cancel()
	nc, err := dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, conn: nc, reader: bufio.NewReaderSize(nc, 64<<10), baseURL: cfg.URL}
	c.period.Store(int64(longestPeriod))
	c.rtsp = conn.NewConn(c.reader, nc)
	return c, nil
}

// writePatience is how long a message may take to be written, if the session does not wait for an answer to it. A camera that
// does not read must not hold up the session.
const writePatience = 500 * time.Millisecond

// Close ends the session and the connection. It waits for the goroutines of the session.
func (c *Client) Close() {
	if c.session != "" {
		_, _ = c.send(base.Teardown, c.baseURL, nil, writePatience) // the camera finds out in any case
	}
	if secure, ok := c.conn.(*tls.Conn); ok && c.deaf {
		_ = secure.NetConn().Close() // TLS would try for 5 s to write that it ends
	}
	_ = c.conn.Close()
	c.closeTracks()
}

// interruptAt makes all that reads and writes fail as soon as ctx ends. This lasts until the result is called, which must be
// done. Messages can be written again then.
func (c *Client) interruptAt(ctx context.Context) (restore func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		c.ended.Store(true)
		_ = c.conn.SetDeadline(time.Now().Add(-time.Second)) // of a connection that is open
	})
	return func() {
		if !stop() {
			<-done
		}
		c.ended.Store(false)
	}
}

// write calls message, which writes a message for at most patience. After a message that was not written whole, nothing more is
// written, and the session may go on. The caller must hold c.mu.
func (c *Client) write(patience time.Duration, message func() error) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience)) // message reports a broken connection
	if c.ended.Load() || c.deaf {
		return errUnwritten
	}
	err := message()
	c.deaf = err != nil
	return err
}

// send writes a request for at most patience. It returns the request's sequence number.
func (c *Client) send(method base.Method, url *base.URL, header base.Header, patience time.Duration) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sequence++
	sequence := strconv.Itoa(c.sequence)
	if header == nil {
		header = base.Header{}
	}
	header["CSeq"], header["User-Agent"] = base.HeaderValue{sequence}, base.HeaderValue{"azulejo"}
	if c.session != "" {
		header["Session"] = base.HeaderValue{c.session}
	}
	req := base.Request{Method: method, URL: url, Header: header}
	if c.sender != nil {
		c.sender.AddAuthorization(&req)
	}
	if err := c.write(patience, func() error { return c.rtsp.WriteRequest(&req) }); err != nil {
		return "", fmt.Errorf("send %s: %w", method, err)
	}
	return sequence, nil
}

// do sends a request and waits for its answer. An answer other than 200 is a StatusError. A request that needs a login is sent
// again with credentials.
func (c *Client) do(ctx context.Context, method base.Method, url *base.URL, header base.Header) (*base.Response, error) {
	for try := 0; ; try++ {
		res, err := c.exchange(ctx, method, url, header)
		if err != nil {
			return nil, err
		}
		if res.StatusCode == base.StatusUnauthorized && try < 2 {
			again, err := c.answerChallenge(ctx, res)
			if err != nil {
				return nil, err
			}
			if again {
				continue
			}
		}
		c.authorized = c.authorized || c.sender != nil && res.StatusCode != base.StatusUnauthorized
		c.readSession(res)
		if res.StatusCode != base.StatusOK {
			return res, &StatusError{method, res.StatusCode, res.StatusMessage}
		}
		return res, nil
	}
}

// exchange sends a request once and waits for its answer.
func (c *Client) exchange(ctx context.Context, method base.Method, url *base.URL, header base.Header) (*base.Response, error) {
	defer c.interruptAt(ctx)()
	sequence, err := c.send(method, url, header, c.cfg.Patience)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	res, err := c.await(ctx, sequence)
	if err != nil {
		return nil, fmt.Errorf("answer to %s: %w", method, err)
	}
	return res, nil
}

// answerChallenge reads the challenge of an answer 401. It tells whether the request should be sent again with credentials:
// they have not been sent yet, or were accepted before, or the nonce is too old (RFC 7616, 3.3).
func (c *Client) answerChallenge(ctx context.Context, res *base.Response) (again bool, err error) {
	challenge := res.Header["WWW-Authenticate"]
	user := c.cfg.URL.User
	stale := strings.Contains(strings.ToLower(strings.Join(challenge, ",")), "stale=true")
	switch {
	case user == nil, c.sender != nil && !c.authorized && !stale:
		return false, nil
	case c.sender == nil && c.cfg.Login != nil:
		if err := c.cfg.Login(ctx); err != nil {
			return false, err
		}
	}
	password, _ := user.Password()
	s := &auth.Sender{WWWAuth: challenge, User: user.Username(), Pass: password}
	if err := s.Initialize(); err != nil {
		return false, fmt.Errorf("%w: %q", ErrNoMethod, challenge)
	}
	c.mu.Lock()
	c.sender, c.authorized = s, false
	c.mu.Unlock()
	return true, nil
}

// readSession reads the Session header: the session's name, and after how many seconds of silence it ends (RFC 2326, 12.37).
func (c *Client) readSession(res *base.Response) {
	value := strings.Join(res.Header["Session"], "")
	if value == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	name, parameters, _ := strings.Cut(value, ";")
	c.session = strings.TrimSpace(name)
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if seconds, err := strconv.Atoi(value); strings.EqualFold(name, "timeout") && err == nil {
			c.period.Store(int64(min(max(time.Duration(seconds)*time.Second/2, time.Second), longestPeriod)))
		}
	}
}

// await reads messages until the answer with the given sequence number comes.
func (c *Client) await(ctx context.Context, sequence string) (*base.Response, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(c.cfg.Patience)) // Read reports a broken connection
	// ctx may have ended before the deadline was set.
	for ctx.Err() == nil {
		res, err := c.read()
		var timeout net.Error
		switch {
		case ctx.Err() != nil:
		case errors.As(err, &timeout) && timeout.Timeout():
			return nil, ErrNoAnswer
		case err != nil:
			return nil, err
		case res != nil && answers(res, sequence):
			return res, nil
		}
	}
	return nil, ctx.Err()
}

// answers tells whether res is the answer to the request with this sequence number. Some cameras send none.
func answers(res *base.Response, sequence string) bool {
	values := res.Header["CSeq"]
	return len(values) != 1 || strings.TrimSpace(values[0]) == sequence
}

// read reads one message. It passes on a packet, answers a request, and returns a response; otherwise the result is nil. The
// error is one of the connection.
func (c *Client) read() (*base.Response, error) {
	message, err := c.rtsp.Read()
	if err != nil {
		if broken(err) {
			return nil, err
		}
		c.fault(FaultMessage, err)
		return nil, c.resync()
	}
	switch m := message.(type) {
	case *base.InterleavedFrame:
		c.receive(m)
	case *base.Request:
		c.respond(m)
	case *base.Response:
		return m, nil
	}
	return nil, nil
}

// resync skips at least one byte, and then all up to what looks like a response, or like a packet of a track.
func (c *Client) resync() error {
	for {
		if _, err := c.reader.Discard(1); err != nil {
			return err
		}
		head, err := c.reader.Peek(5)
		if err != nil {
			return err
		}
		if string(head) == "RTSP/" || head[0] == '$' && c.channels[head[1]].track != nil {
			return nil
		}
	}
}

// fault reports trouble that harms a single packet or message.
func (c *Client) fault(kind Fault, err error) {
	if c.cfg.OnFault != nil {
		c.cfg.OnFault(kind, err)
	}
}

// respond answers a request of the camera.
func (c *Client) respond(req *base.Request) {
	res := base.Response{StatusCode: base.StatusOK, Header: base.Header{}}
	switch req.Method {
	case base.Options, base.GetParameter, base.SetParameter:
	default:
		res.StatusCode = base.StatusNotImplemented
		c.fault(FaultRequest, fmt.Errorf("request %s", req.Method))
	}
	if sequence, ok := req.Header["CSeq"]; ok {
		res.Header["CSeq"] = sequence
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.write(writePatience, func() error { return c.rtsp.WriteResponse(&res) }) // read finds out that the connection is broken
}

// receive passes on an interleaved packet (RFC 2326, 10.12).
func (c *Client) receive(f *base.InterleavedFrame) {
	if f.Channel < 0 || f.Channel >= len(c.channels) || c.channels[f.Channel].track == nil {
		c.fault(FaultChannel, fmt.Errorf("channel %d", f.Channel))
		return
	}
	ch := c.channels[f.Channel]
	if ch.rtcp {
		ch.track.receiveRTCP(f.Payload)
	} else {
		ch.track.receiveRTP(f.Payload)
	}
}
