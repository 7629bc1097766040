package network

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds limit the TCP connections of clients. Where a time is zero, the code that reads or writes sets the deadlines.
type Bounds struct {
	Connections int // in total
	PerNetwork  int

	FirstWord time.Duration // until the first bytes come
	Silence   time.Duration // between later reads
	Stalled   time.Duration // for one write
}

// Listener bounds the connections that it accepts. Its Close closes them too, which pion does not do.
type Listener struct {
	net.Listener
	bounds Bounds
	shares *Shares

	mu    sync.Mutex
	conns map[*connection]struct{} // nil once closed
}

// NewListener wraps l, which it then owns.
func NewListener(l net.Listener, b Bounds) *Listener {
	return &Listener{Listener: l, bounds: b, shares: NewShares(b.PerNetwork), conns: map[*connection]struct{}{}}
}

// Accept waits for a connection within the bounds, and closes all others.
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

// forget removes c and tells whether it was there.
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

// Connections is the number of open connections.
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

// connection has deadlines: a silent one ends, and so does one whose client reads nothing.
type connection struct {
	net.Conn
	of      *Listener
	from    netip.Prefix
	timeout time.Duration // of the next read
}

func (c *connection) Read(p []byte) (int, error) {
	if err := c.setDeadline(c.SetReadDeadline, c.timeout); err != nil {
		return 0, err
	}
	c.timeout = c.of.bounds.Silence
	return c.Conn.Read(p)
}

// Write closes the connection after an error: what follows a part of a message cannot be understood.
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
