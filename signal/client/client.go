package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"
)

// Client is one connected client. Its owner must call Close.
type Client struct {
	cfg  Config
	pc   *webrtc.PeerConnection
	conn *websocket.Conn

	video, audio *sender            // nil: not published
	smaller      []*sender          // simulcast layers that are smaller than video
	received     [2]receiveCounters // of audio and of video

	connected     chan struct{} // closed when the peer connection is established
	connectedOnce sync.Once     // closes connected

	ctx    context.Context // ends when the session is over
	cancel context.CancelFunc
	work   sync.WaitGroup

	writing sync.Mutex // held while a message is written to conn

	mu           sync.Mutex
	closed       bool
	err          error
	id           string
	participants []Participant
	status       Status
}

// Dial joins the room, and returns when the peer connection is established. ctx bounds Dial, but not the life of the
// Client. If the server refuses the client, the error is a [*ServerError].
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, connected: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	select {
	case <-c.connected:
		return c, nil
	case <-c.ctx.Done():
		return nil, errors.Join(cmp.Or(c.Err(), errHungUp), c.Close())
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", cfg.safeURL(), ctx.Err()), c.Close())
	}
}

var errHungUp = errors.New("the server closed the session")

// open connects to the server, joins the room and sends the offer.
func (c *Client) open(ctx context.Context) error {
	dialer := websocket.Dialer{HandshakeTimeout: ioTimeout}
	conn, response, err := dialer.DialContext(ctx, c.cfg.URL, c.cfg.Header)
	if err != nil {
		if response != nil {
			return fmt.Errorf("dial %s: status %s: %w", c.cfg.safeURL(), response.Status, err)
		}
		return fmt.Errorf("dial %s: %w", c.cfg.safeURL(), err)
	}
	c.conn = conn
	if c.pc, err = newConnection(c.cfg); err != nil {
		return err
	}
	if err := c.addTransceivers(); err != nil {
		return err
	}
	c.setCallbacks()
	joined := make(chan struct{})
	c.work.Go(func() { c.reader(joined) })
	return c.negotiate(ctx, joined)
}

// addTransceivers adds the transceivers of video and of audio.
func (c *Client) addTransceivers() error {
	var err error
	if c.video, err = c.addTransceiver(webrtc.RTPCodecTypeVideo, c.cfg.PublishVideo); err != nil {
		return err
	}
	c.audio, err = c.addTransceiver(webrtc.RTPCodecTypeAudio, c.audioCodec())
	return err
}

func (c *Client) setCallbacks() {
	c.pc.OnTrack(c.receive)
	c.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateConnected:
			c.connectedOnce.Do(func() { close(c.connected) })
		case webrtc.PeerConnectionStateFailed:
			c.finish(errors.New("ice failed"))
		}
	})
}

// start runs f in a goroutine. Close waits for this goroutine. After Close, start does nothing.
func (c *Client) start(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.work.Go(f)
	}
}

// ID returns the id that the server chose for the participant.
func (c *Client) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// Participants returns the participants of the room, as the server reported them last.
func (c *Client) Participants() []Participant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.participants
}

// Rendition returns the rendition of the received video, as the server reported it last.
func (c *Client) Rendition() Rendition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status.Rendition
}

// Mute tells the server which of the client's media are muted.
func (c *Client) Mute(muted Media) error {
	return c.send(muteMessage{"mute", muted})
}

// Done returns a channel that is closed when the session is over.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// Err returns the reason why the session is over. It returns nil if the session is not over, and if Close or a regular close
// by the server ended it.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// finish ends the session for the reason err, unless the session is over already.
func (c *Client) finish(err error) {
	c.mu.Lock()
	if c.err == nil && c.ctx.Err() == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.cancel()
}

// Close leaves the room, frees the connection and waits for all goroutines. Afterwards no callback is called. Close may
// be called twice.
func (c *Client) Close() error {
	_ = c.leave() // the connection may be gone already
	return c.Drop()
}

// Drop closes the connections without a leave message, as if the process had been killed. It waits for all goroutines. Drop
// may be called twice.
func (c *Client) Drop() error {
	c.finish(nil)
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	if c.conn != nil {
		_ = c.conn.Close()
	}
	if c.pc != nil {
		errs = append(errs, c.pc.GracefulClose())
	}
	c.work.Wait()
	return errors.Join(errs...)
}

// leaveTimeout is how long leave waits for the server to close the connection.
const leaveTimeout = 2 * time.Second

// leave sends the leave message, and waits until the server closes the connection. By then the server has removed the
// client from the room.
func (c *Client) leave() error {
	if c.conn == nil || c.ctx.Err() != nil {
		return nil
	}
	if err := c.send(leaveMessage{"leave"}); err != nil {
		return err
	}
	select {
	case <-c.ctx.Done():
	case <-time.After(leaveTimeout):
	}
	return nil
}
