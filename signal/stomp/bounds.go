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
	maxMessage = 8 * maxFrame // the size of a SockJS message before it is decoded, in bytes; enough for a STOMP frame with all bytes escaped
	maxDiscard = 16 << 20     // the largest number of bytes that are discarded after the last message is sent
)

// bounds are the limits of one HTTP request to SockJS. The SockJS library has no such limits. A request body or WebSocket
// message of more than maxMessage bytes is refused. If reading a body or one write takes longer than timeout, the HTTP
// connection ends.
type bounds struct {
	timeout time.Duration

	remaining atomic.Int64  // how many more bytes the present WebSocket message may have
	exceeded  chan struct{} // closed when a WebSocket message is too large
	once      sync.Once     // closes exceeded
}

// boundsKey is the key of the bounds in the context of a request.
type boundsKey struct{}

func newBounds(timeout time.Duration) *bounds {
	b := &bounds{timeout: timeout, exceeded: make(chan struct{})}
	b.reset()
	return b
}

// boundsOf returns the bounds in the context of a request. The method bounds.serve has stored them there.
func (h *Handler) boundsOf(r *http.Request) *bounds {
	if b, ok := r.Context().Value(boundsKey{}).(*bounds); ok {
		return b
	}
	return newBounds(h.cfg.WriteWithin)
}

// reset starts the count of the bytes of the next WebSocket message. It must be called before each message.
func (b *bounds) reset() { b.remaining.Store(maxMessage) }

// count adds n bytes to the count of the present WebSocket message. It returns false if the message is too large.
func (b *bounds) count(n int) bool {
	if b.remaining.Add(int64(-n)) >= 0 {
		return true
	}
	b.once.Do(func() { close(b.exceeded) })
	return false
}

// serve passes a request to next, with the bounds.
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
	serveWithRetry(next, bounded, r.WithContext(context.WithValue(r.Context(), boundsKey{}, b)))
	if !bounded.hijacked {
		bounded.Flush()
	}
}

// writer is an http.ResponseWriter with a time limit for each write. It ignores errors of setting a deadline, because the next
// write then fails too.
type writer struct {
	http.ResponseWriter
	attempt
	control  *http.ResponseController
	bounds   *bounds
	hijacked bool
	started  bool // the status has been written
}

// WriteHeader writes the status, but only once. Each attempt of serveWithRetry calls WriteHeader.
func (w *writer) WriteHeader(status int) {
	if !w.started {
		w.started = true
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write writes data, unless the client already has the data from an earlier attempt of serveWithRetry. SockJS calls Write once
// for each SockJS frame.
func (w *writer) Write(data []byte) (int, error) {
	if !w.allow(string(data)) {
		return len(data), nil
	}
	w.started = true
	_ = w.control.SetWriteDeadline(time.Now().Add(w.bounds.timeout))
	return w.ResponseWriter.Write(data)
}

// Flush implements http.Flusher. Afterwards it removes the write deadline. With HTTP/2, the stream would end at its deadline
// even if nothing is being written. With HTTP/1, the deadline would also apply to the next request.
func (w *writer) Flush() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.bounds.timeout))
	_ = w.control.Flush()
	_ = w.control.SetWriteDeadline(time.Time{})
}

// Hijack implements http.Hijacker. The connection that it returns limits the size of the WebSocket messages.
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

// conn is the TCP connection of a WebSocket. It limits the size of the messages that the client sends.
type conn struct {
	net.Conn
	bounds *bounds
	once   sync.Once     // closes closed
	closed chan struct{} // closed by Close
}

var errMessageTooLarge = errors.New("a message that is too large")

// Read returns an error if a message is too large. Before it returns this error, it waits up to 1 s for Close, so that the
// client's loop can send the reason.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.bounds.count(n) {
		return n, err
	}
	select {
	case <-c.closed:
	case <-time.After(finalWait):
	}
	return 0, errMessageTooLarge
}

// Close closes the connection. Before that it discards the data that the client still sends, for up to 1 s. Without that, TCP
// would reset a connection that has unread data, and the client could lose the last messages.
func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		half, ok := c.Conn.(interface{ CloseWrite() error })
		if ok && half.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(finalWait)) == nil {
			_, _ = io.CopyN(io.Discard, c.Conn, maxDiscard)
		}
	})
	return c.Conn.Close()
}
