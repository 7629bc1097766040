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
	unread     = 16 << 20     // bytes that are read and discarded after the last message is sent
)

// bounds limit one request of SockJS, which by itself accepts messages of any size and writes without a deadline. Bodies
// and WebSocket messages of more than maxMessage are refused. A read of a body, or a write, that takes longer than timeout
// ends the connection.
type bounds struct {
	timeout time.Duration

	left     atomic.Int64  // bytes until a WebSocket message is too large
	exceeded chan struct{} // closed when one is
	once     sync.Once
}

type boundsKey struct{}

func newBounds(timeout time.Duration) *bounds {
	l := &bounds{timeout: timeout, exceeded: make(chan struct{})}
	l.reset()
	return l
}

// boundsOf returns the bounds that serve put into the context of a request.
func (h *Handler) boundsOf(r *http.Request) *bounds {
	if l, ok := r.Context().Value(boundsKey{}).(*bounds); ok {
		return l
	}
	return newBounds(h.cfg.WriteWithin)
}

// reset starts the count of the next message.
func (b *bounds) reset() { b.left.Store(maxMessage) }

// count counts n bytes that were read, and returns false if the message is too large.
func (b *bounds) count(n int) bool {
	if b.left.Add(int64(-n)) >= 0 {
		return true
	}
	b.once.Do(func() { close(b.exceeded) })
	return false
}

// serve serves a request within the bounds.
func (b *bounds) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	if r.Body != nil && r.Method == http.MethodPost {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(b.timeout))
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
		if err != nil {
			http.Error(w, fmt.Sprintf("more than %d bytes, or not all of them came; accepted are up to that", maxMessage), http.StatusRequestEntityTooLarge)
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	bounded := &writer{ResponseWriter: w, control: http.NewResponseController(w), bounds: b}
	serveAgain(next, bounded, r.WithContext(context.WithValue(r.Context(), boundsKey{}, b)))
	if !bounded.hijacked {
		bounded.Flush()
	}
}

// writer is a response that bounds the time of each write. An error of a deadline shows as an error of the write.
type writer struct {
	http.ResponseWriter
	attempt
	control  *http.ResponseController
	bounds   *bounds
	hijacked bool
	started  bool // the status is written
}

// WriteHeader is that of http.ResponseWriter, the first time.
func (w *writer) WriteHeader(status int) {
	if !w.started {
		w.started = true
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write is that of http.ResponseWriter. SockJS writes each frame with one call.
func (w *writer) Write(b []byte) (int, error) {
	if !w.allow(string(b)) {
		return len(b), nil
	}
	w.started = true
	_ = w.control.SetWriteDeadline(time.Now().Add(w.bounds.timeout))
	return w.ResponseWriter.Write(b)
}

// Flush is that of http.Flusher. It removes the deadline afterwards: HTTP/2 ends a stream at its deadline even if nothing
// is being written, and in HTTP/1 the deadline would apply to the next request.
func (w *writer) Flush() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.bounds.timeout))
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
	c := &conn{Conn: raw, bounds: w.bounds, closed: make(chan struct{})}
	return c, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)), nil
}

// conn is the connection of a WebSocket.
type conn struct {
	net.Conn
	bounds *bounds
	once   sync.Once
	closed chan struct{}
}

var errMessageTooLarge = errors.New("a message that is too large")

// Read returns an error when a message is too large. It waits up to 1 s before, so that the client's loop can send the
// reason.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.bounds.count(n) {
		return n, err
	}
	select {
	case <-c.closed:
	case <-time.After(farewell):
	}
	return 0, errMessageTooLarge
}

// Close discards what the client still sends, for up to 1 s: TCP resets a connection that is closed with unread bytes, and
// the client would lose the last messages.
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
