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
	maxMessage = 8 * maxFrame // bytes of one SockJS message on the wire, enough for a STOMP frame in which everything is escaped
	unread     = 16 << 20     // most bytes that are read and discarded after the last message is sent
)

// bounds limit one HTTP request to SockJS. The SockJS library itself accepts messages of any size and writes without a
// deadline. Bodies and WebSocket messages of more than maxMessage bytes are refused. The connection ends if reading a
// body, or one write, takes longer than timeout.
type bounds struct {
	timeout time.Duration

	remaining atomic.Int64  // bytes until a WebSocket message is too large
	exceeded  chan struct{} // closed when a WebSocket message is too large
	once      sync.Once     // closes exceeded
}

type boundsKey struct{}

func newBounds(timeout time.Duration) *bounds {
	l := &bounds{timeout: timeout, exceeded: make(chan struct{})}
	l.reset()
	return l
}

// boundsOf returns the bounds that serve stored in the context of a request.
func (h *Handler) boundsOf(r *http.Request) *bounds {
	if l, ok := r.Context().Value(boundsKey{}).(*bounds); ok {
		return l
	}
	return newBounds(h.cfg.WriteWithin)
}

// reset must be called before each WebSocket message: it starts the count of the message's bytes.
func (b *bounds) reset() { b.remaining.Store(maxMessage) }

// count counts n bytes of a WebSocket message. It returns false if the message is too large.
func (b *bounds) count(n int) bool {
	if b.remaining.Add(int64(-n)) >= 0 {
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

// writer is a response with a time limit for each write. It ignores an error of setting the deadline, because the write
// that follows fails too.
type writer struct {
	http.ResponseWriter
	attempt
	control  *http.ResponseController
	bounds   *bounds
	hijacked bool
	started  bool // the status is written
}

// WriteHeader writes the status the first time that it is called. Later attempts of serveAgain call it too.
func (w *writer) WriteHeader(status int) {
	if !w.started {
		w.started = true
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write writes data that the client does not have from an earlier attempt of serveAgain. SockJS writes each of its
// frames with one call.
func (w *writer) Write(b []byte) (int, error) {
	if !w.allow(string(b)) {
		return len(b), nil
	}
	w.started = true
	_ = w.control.SetWriteDeadline(time.Now().Add(w.bounds.timeout))
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher. It removes the write deadline afterwards: HTTP/2 ends a stream at its deadline even if
// nothing is being written, and in HTTP/1 the deadline would apply to the next request.
func (w *writer) Flush() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.bounds.timeout))
	_ = w.control.Flush()
	_ = w.control.SetWriteDeadline(time.Time{})
}

// Hijack implements http.Hijacker. It returns a connection that bounds the messages of the WebSocket.
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

// conn is the connection of a WebSocket, whose messages it bounds.
type conn struct {
	net.Conn
	bounds *bounds
	once   sync.Once
	closed chan struct{}
}

var errMessageTooLarge = errors.New("a message that is too large")

// Read returns an error when a message is too large. Before that it waits up to 1 s for Close, so that the client's
// loop can send the reason.
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
