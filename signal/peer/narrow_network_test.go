package peer

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// narrowNetwork is a network between one client and a server. Datagrams of the server wait in a queue, are dropped when
// the queue is full, and one in a hundred is lost.
type narrowNetwork struct {
	outer  *net.UDPConn // the client's side
	inner  *net.UDPConn // the server's
	client atomic.Pointer[netip.AddrPort]
	rate   atomic.Int64 // bits a second; zero: any
	queue  chan datagram
	dice   *rand.Rand // of enqueue
	free   time.Time  // when the link has sent the whole queue; of enqueue
}

// datagram arrives at a time.
type datagram struct {
	at   time.Time
	data []byte
}

// maxWait is how long a datagram waits at most.
const maxWait = 300 * time.Millisecond

// startNarrowNetwork forwards to a server's port until the test ends.
func startNarrowNetwork(t *testing.T, server int) *narrowNetwork {
	t.Helper()
	local := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	outer, err := net.ListenUDP("udp4", local)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.DialUDP("udp4", local, &net.UDPAddr{IP: local.IP, Port: server})
	if err != nil {
		t.Fatal(err)
	}
	_ = inner.SetReadBuffer(socketBuffer) // only the model is to drop
	n := &narrowNetwork{outer: outer, inner: inner, queue: make(chan datagram, 4096), dice: rand.New(rand.NewPCG(1, 2))}
	quit := make(chan struct{})
	var work sync.WaitGroup
	for _, f := range []func(){n.forward, n.enqueue, func() { n.deliver(quit) }} {
		work.Go(f)
	}
	t.Cleanup(func() {
		close(quit)
		_ = outer.Close()
		_ = inner.Close()
		work.Wait()
	})
	return n
}

func (n *narrowNetwork) port() int { return n.outer.LocalAddr().(*net.UDPAddr).Port }

// forward forwards datagrams of the client.
func (n *narrowNetwork) forward() {
	b := make([]byte, 2048)
	for {
		size, from, err := n.outer.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		n.client.Store(&from)
		_, _ = n.inner.Write(b[:size])
	}
}

// enqueue queues datagrams of the server.
func (n *narrowNetwork) enqueue() {
	b := make([]byte, 2048)
	for {
		size, err := n.inner.Read(b)
		if err != nil {
			return
		}
		now, rate := time.Now(), n.rate.Load()
		if n.free.Before(now) || rate == 0 {
			n.free = now
		}
		if n.free.Sub(now) > maxWait || n.dice.IntN(100) == 0 {
			continue
		}
		if rate > 0 {
			n.free = n.free.Add(time.Duration(size*8) * time.Second / time.Duration(rate))
		}
		n.queue <- datagram{n.free, append([]byte(nil), b[:size]...)}
	}
}

// deliver delivers each queued datagram at its time.
func (n *narrowNetwork) deliver(quit <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var d datagram
		select {
		case d = <-n.queue:
		case <-quit:
			return
		}
		timer.Reset(time.Until(d.at))
		select {
		case <-timer.C:
		case <-quit:
			return
		}
		if to := n.client.Load(); to != nil {
			_, _ = n.outer.WriteToUDPAddrPort(d.data, *to)
		}
	}
}
