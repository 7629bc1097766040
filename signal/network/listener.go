package network

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds limit the TCP connections of clients. If a time is zero, the Listener sets no such deadline, and the code that
// reads or writes may set its own.
type Bounds struct {
	Connections int // in total
	PerNetwork  int

	FirstWord time.Duration // the longest time until the first bytes arrive
	Silence   time.Duration // the longest time that any later read waits
	Stalled   time.Duration // the longest time of one write
}

// Listener bounds the connections that it accepts. Its Close closes these connections too, which pion does not do.
type Listener struct {
	net.Listener
	bounds Bounds
	shares *Shares

	mu    sync.Mutex
	conns map[*connection]struct{} // nil once closed
}

// NewListener wraps l, and owns l from then on.
func NewListener(l net.Listener, b Bounds) *Listener {
	return &Listener{Listener: l, bounds: b, shares: NewShares(b.PerNetwork), conns: map[*connection]struct{}{}}
}

// Accept waits for a connection that the bounds allow. It closes all others.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		_ = conn.Close() // too many; an error means nothing
	}
}

func (l *Listener) admit(conn net.Conn) *connection {
	from := Of(conn.RemoteAddr().String())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil || len(l.conns) >= l.bounds.Connections || !l.shares.Take(from) {
		return nil
	}
	c := &connection{Conn: conn, of: l, from: from, timeout: l.bounds.FirstWord}
	l.conns[c] = struct{}{}
	return c
}

// forget removes c, and returns false if c was removed before.
func (l *Listener) forget(c *connection) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, here := l.conns[c]
	if here {
		delete(l.conns, c)
		l.shares.GiveBack(c.from)
	}
	return here
}

// Connections returns the number of open connections.
func (l *Listener) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Close closes the listener and all connections.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	all := l.conns
	l.conns = nil
	l.mu.Unlock()
	for c := range all {
		_ = c.Conn.Close() // its reader ends with it
	}
	return err
}

// connection sets deadlines. It ends if the client is silent for too long, and if the client does not read for too
// long.
type connection struct {
	net.Conn
	of      *Listener
	from    netip.Prefix  // the client's network
	timeout time.Duration // of the next read
}

func (c *connection) Read(p []byte) (int, error) {
	if err := c.setDeadline(c.SetReadDeadline, c.timeout); err != nil {
		return 0, err
	}
	c.timeout = c.of.bounds.Silence
	return c.Conn.Read(p)
}

// Write closes the connection after an error, because the client cannot understand anything after a part of a message.
func (c *connection) Write(p []byte) (int, error) {
	if err := c.setDeadline(c.SetWriteDeadline, c.of.bounds.Stalled); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		_ = c.Close() // the error of the write says more
	}
	return n, err
}

func (c *connection) setDeadline(set func(time.Time) error, timeout time.Duration) error {
	if timeout == 0 {
		return nil
	}
	return set(time.Now().Add(timeout))
}

// Close is idempotent.
func (c *connection) Close() error {
	if !c.of.forget(c) {
		return nil
	}
	return c.Conn.Close()
}
