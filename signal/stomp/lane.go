package stomp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxMessage = 8 * maxFrame // bytes of one SockJS message on the wire: a frame with everything in it escaped
	unread     = 16 << 20     // bytes of a closed client that are read and thrown away
)

// lane bounds what one request can make SockJS keep, which by itself takes messages of any size and writes for any
// time: bodies and WebSocket messages of more than maxMessage are refused, and what takes longer than patience to be
// read or written ends the connection.
type lane struct {
	patience time.Duration

	left atomic.Int64  // bytes until a WebSocket message is too large
	over chan struct{} // closed when one is
	once sync.Once
}

type laneKey struct{}

func newLane(patience time.Duration) *lane {
	l := &lane{patience: patience, over: make(chan struct{})}
	l.reset()
	return l
}

// laneOf is that of a request that came through ours.
func (h *Handler) laneOf(r *http.Request) *lane {
	if l, ok := r.Context().Value(laneKey{}).(*lane); ok {
		return l
	}
	return newLane(h.cfg.WriteWithin)
}

// reset begins to count again: a message has come whole.
func (l *lane) reset() { l.left.Store(maxMessage) }

// take counts what was read.
func (l *lane) take(n int) bool {
	if l.left.Add(int64(-n)) >= 0 {
		return true
	}
	l.once.Do(func() { close(l.over) })
	return false
}

// through serves a request within bounds.
func (l *lane) through(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if r.Body != nil && r.Method == http.MethodPost {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(l.patience))
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
		if err != nil {
			http.Error(w, fmt.Sprintf("more than %d bytes, or not all of them came; accepted are up to that", maxMessage), http.StatusRequestEntityTooLarge)
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	bounded := &writer{ResponseWriter: w, control: http.NewResponseController(w), lane: l}
	receiving(next, bounded, r.WithContext(context.WithValue(r.Context(), laneKey{}, l)))
	if !bounded.hijacked {
		bounded.Flush()
	}
}

// writer is a response each part of which has the lane's patience to leave. An error of setting that is one of writing.
type writer struct {
	http.ResponseWriter
	opening
	control  *http.ResponseController
	lane     *lane
	hijacked bool
	begun    bool // the status has been written
}

// WriteHeader is that of http.ResponseWriter, the first time.
func (w *writer) WriteHeader(status int) {
	if !w.begun {
		w.begun = true
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write is that of http.ResponseWriter. SockJS writes each part at once.
func (w *writer) Write(b []byte) (int, error) {
	if !w.pass(string(b)) {
		return len(b), nil
	}
	w.begun = true
	_ = w.control.SetWriteDeadline(time.Now().Add(w.lane.patience))
	return w.ResponseWriter.Write(b)
}

// Flush is that of http.Flusher. It takes the deadline away afterwards: HTTP/2 ends a stream at its deadline even if
// nothing is being written, and in HTTP/1 it would be the next request's.
func (w *writer) Flush() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.lane.patience))
	_ = w.control.Flush()
	_ = w.control.SetWriteDeadline(time.Time{})
}

// Hijack is that of http.Hijacker.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	raw, buffered, err := w.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	if buffered.Reader.Buffered() > 0 {
		_ = raw.Close()
		return nil, nil, errors.New("the client spoke before the handshake was over")
	}
	c := &conn{Conn: raw, lane: w.lane, closed: make(chan struct{})}
	return c, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)), nil
}

// conn is a WebSocket's connection.
type conn struct {
	net.Conn
	lane   *lane
	once   sync.Once
	closed chan struct{}
}

var errMessageTooLarge = errors.New("a message that is too large")

// Read gives the session a moment to say why it ends, once too much has come.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.lane.take(n) {
		return n, err
	}
	select {
	case <-c.closed:
	case <-time.After(farewell):
	}
	return 0, errMessageTooLarge
}

// Close lets the client read what was written: closing on unread bytes would reset the connection and lose the
// farewell.
func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		half, ok := c.Conn.(interface{ CloseWrite() error })
		if ok && half.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(farewell)) == nil {
			_, _ = io.CopyN(io.Discard, c.Conn, unread)
		}
	})
	return c.Conn.Close()
}
