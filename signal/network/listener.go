package network

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds are the limits of a Listener. If a time is zero, the Listener sets no such deadline. The code that uses the
// connection may then set its own.
type Bounds struct {
	Connections int // the largest number of open connections of all clients
	PerNetwork  int // the largest number of open connections of one network

	FirstWord time.Duration // the timeout of the first read
	Silence   time.Duration // the timeout of each later read
	Stalled   time.Duration // the timeout of each write
}

// Listener limits the connections that it accepts. Its Close also closes these connections, because pion does not close
// them.
type Listener struct {
	net.Listener
	bounds Bounds
	shares *Shares

	mu    sync.Mutex
	conns map[*connection]struct{} // the open connections; nil after Close
}

// NewListener wraps another listener and takes ownership of it.
func NewListener(inner net.Listener, b Bounds) *Listener {
	return &Listener{Listener: inner, bounds: b, shares: NewShares(b.PerNetwork), conns: map[*connection]struct{}{}}
}

// Accept waits for a connection that the bounds allow. It closes connections that exceed a bound.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		_ = conn.Close() // too many connections; an error of Close has no consequence
	}
}

// admit registers a connection. It returns nil if the connection exceeds a bound or the listener is closed.
func (l *Listener) admit(conn net.Conn) *connection {
	network := Of(conn.RemoteAddr().String())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil || len(l.conns) >= l.bounds.Connections || !l.shares.Take(network) {
		return nil
	}
	c := &connection{Conn: conn, listener: l, network: network, timeout: l.bounds.FirstWord}
	l.conns[c] = struct{}{}
	return c
}

// forget removes a connection. It returns false if the connection is not registered any more.
func (l *Listener) forget(c *connection) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, open := l.conns[c]
	if open {
		delete(l.conns, c)
		l.shares.GiveBack(c.network)
	}
	return open
}

// Connections returns the number of open connections.
func (l *Listener) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Close closes the listener and all open connections. It does not wait for their readers.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	all := l.conns
	l.conns = nil
	l.mu.Unlock()
	for c := range all {
		_ = c.Conn.Close() // makes the connection's reader return
	}
	return err
}

// connection is an accepted connection. It sets a deadline for each read and each write. One goroutine may read while
// another one writes.
type connection struct {
	net.Conn
	listener *Listener
	network  netip.Prefix  // the client's network
	timeout  time.Duration // of the next read
}

func (c *connection) Read(p []byte) (int, error) {
	if err := c.setDeadline(c.SetReadDeadline, c.timeout); err != nil {
		return 0, err
	}
	c.timeout = c.listener.bounds.Silence
	return c.Conn.Read(p)
}

// Write closes the connection after an error: a message may have been written in part, and the client could not parse
// anything after that.
func (c *connection) Write(p []byte) (int, error) {
	if err := c.setDeadline(c.SetWriteDeadline, c.listener.bounds.Stalled); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		_ = c.Close() // Write returns its own error instead
	}
	return n, err
}

// setDeadline calls set with the time at which the timeout expires. Without a timeout it does nothing.
func (c *connection) setDeadline(set func(time.Time) error, timeout time.Duration) error {
	if timeout == 0 {
		return nil
	}
	return set(time.Now().Add(timeout))
}

// Close closes the connection and removes it from the listener. It is idempotent.
func (c *connection) Close() error {
	if !c.listener.forget(c) {
		return nil
	}
	return c.Conn.Close()
}
