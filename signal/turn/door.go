package turn

import (
	"net"
	"sync"
	"time"
)

// What strangers can cost over TCP.
const (
	maxConnections           = 2048
	maxConnectionsPerAddress = 256              // an office behind one NAT
	firstWord                = 30 * time.Second // for a connection to say something
	silence                  = 15 * time.Minute // of a client, whose relay lives 10 without a word
	stalled                  = 10 * time.Second // for one packet to leave
)

// door is the TCP listener: it bounds the connections, and closes them with itself, which pion does not.
type door struct {
	net.Listener

	mu    sync.Mutex
	conns map[*connection]struct{} // nil once closed
	from  map[string]int
}

func newDoor(l net.Listener) *door {
	return &door{Listener: l, conns: map[*connection]struct{}{}, from: map[string]int{}}
}

// Accept waits for a connection that there is room for.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := d.admit(conn); c != nil {
			return c, nil
		}
		_ = conn.Close() // too many; nothing was said
	}
}

func (d *door) admit(conn net.Conn) *connection {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conns == nil || len(d.conns) >= maxConnections || d.from[host] >= maxConnectionsPerAddress {
		return nil
	}
	c := &connection{Conn: conn, door: d, host: host, patience: firstWord}
	d.conns[c] = struct{}{}
	d.from[host]++
	return c
}

func (d *door) forget(c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, here := d.conns[c]; !here {
		return
	}
	delete(d.conns, c)
	if d.from[c.host]--; d.from[c.host] == 0 {
		delete(d.from, c.host)
	}
}

// Close closes the connections too.
func (d *door) Close() error {
	err := d.Listener.Close()
	d.mu.Lock()
	all := d.conns
	d.conns = nil
	d.mu.Unlock()
	for c := range all {
		_ = c.Conn.Close() // its reader ends with it
	}
	return err
}

// connection is given up when it is silent, or takes nothing.
type connection struct {
	net.Conn
	door     *door
	host     string
	patience time.Duration // the reader's
}

func (c *connection) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	c.patience = silence
	return c.Conn.Read(p)
}

func (c *connection) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(stalled)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *connection) Close() error {
	c.door.forget(c)
	return c.Conn.Close()
}
