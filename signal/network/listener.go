package network

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Bounds of what strangers can cost over TCP. Where a time is zero, deadlines are left to who reads or writes.
type Bounds struct {
	Connections int // of all
	PerNetwork  int

	FirstWord time.Duration // for a connection to say something
	Silence   time.Duration // after that
	Stalled   time.Duration // for one write to leave
}

// Listener bounds the connections that come in, and closes them with itself, which pion does not.
type Listener struct {
	net.Listener
	bounds Bounds
	shares *Shares

	mu    sync.Mutex
	conns map[*connection]struct{} // nil once closed
}

// NewListener takes l over.
func NewListener(l net.Listener, b Bounds) *Listener {
	return &Listener{Listener: l, bounds: b, shares: NewShares(b.PerNetwork), conns: map[*connection]struct{}{}}
}

// Accept waits for a connection that there is room for.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(conn); c != nil {
			return c, nil
		}
		_ = conn.Close() // too many; nothing was said
	}
}

func (l *Listener) admit(conn net.Conn) *connection {
	from := Of(conn.RemoteAddr().String())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil || len(l.conns) >= l.bounds.Connections || !l.shares.Take(from) {
		return nil
	}
	c := &connection{Conn: conn, of: l, from: from, patience: l.bounds.FirstWord}
	l.conns[c] = struct{}{}
	return c
}

// forget tells whether c was there.
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

// Connections is how many there are now.
func (l *Listener) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Close closes the connections too.
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

// connection is given up when it is silent, or takes nothing.
type connection struct {
	net.Conn
	of       *Listener
	from     netip.Prefix
	patience time.Duration // the reader's
}

func (c *connection) Read(p []byte) (int, error) {
	if err := c.until(c.SetReadDeadline, c.patience); err != nil {
		return 0, err
	}
	c.patience = c.of.bounds.Silence
	return c.Conn.Read(p)
}

// Write ends the connection where it fails: what is behind half a message means nothing.
func (c *connection) Write(p []byte) (int, error) {
	if err := c.until(c.SetWriteDeadline, c.of.bounds.Stalled); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		_ = c.Close() // what went wrong before says more
	}
	return n, err
}

func (c *connection) until(set func(time.Time) error, patience time.Duration) error {
	if patience == 0 {
		return nil
	}
	return set(time.Now().Add(patience))
}

// Close is idempotent.
func (c *connection) Close() error {
	if !c.of.forget(c) {
		return nil
	}
	return c.Conn.Close()
}
