package turn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"

	"azulejo/signal/network"
)

// A client of WebRTC makes a relay for each URL and network it has, needed or not, and new ones for an ICE restart.
const (
	maxRelaysPerUser    = 16
	maxRelaysPerNetwork = 512 // an office of a hundred behind one NAT, over UDP and TCP; every connection is another user
	maxRelays           = 4096
	maxTries            = 32 // ports of the range that are tried for one relay
)

var (
	errQuota    = errors.New("too many relays")
	errUDPOnly  = errors.New("only UDP is relayed, on a port of the server's choice")
	errClosing  = errors.New("the relays are closing")
	errNoFamily = errors.New("no address of that family")
)

// relays makes the sockets that relay (turn.RelayAddressGenerator) and counts what they do.
type relays struct {
	policy      *policy
	first, last uint16
	bind        netip.Addr   // sockets are bound to it where it is of the right family
	told        []netip.Addr // of each family the first one is what clients are told
	perSecond   int          // bytes of one client each way

	mu      sync.Mutex
	closing bool
	users   map[string]*user
	open    map[*relay]struct{}
	shares  *network.Shares

	ports                                sync.Map // of the open relays, uint16
	refused, dropped, bytesUp, bytesDown atomic.Uint64
}

// user is one client with all its relays.
type user struct {
	name     string
	relays   int // under relays.mu
	up, down *rate.Limiter
}

// relay is one socket. Packets of peers that the policy does not allow, or that are more than the client's
// share, vanish, as they do on any network.
type relay struct {
	net.PacketConn
	of   *relays
	user *user
	from netip.Prefix // the client
	port uint16
	once sync.Once
}

// Validate is wanted by pion; Config was validated.
func (r *relays) Validate() error { return nil }

// AllocateListener refuses relays of TCP (RFC 6062), which WebRTC does not use.
func (r *relays) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errUDPOnly
}

// AllocateConn refuses what only relays of TCP need.
func (r *relays) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errUDPOnly }

// mayAllocate is asked before, so that the client hears about its quota.
func (r *relays) mayAllocate(id, _ string, _ net.Addr) bool {
	who := holderOf(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[who.user]
	return len(r.open) < maxRelays && (u == nil || u.relays < maxRelaysPerUser) && !r.shares.Spent(who.from)
}

// AllocatePacketConn opens a socket on a free port of the range, chosen at random: a guess at it is of no use.
func (r *relays) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.RequestedPort != 0 || c.UserID == "" {
		return nil, nil, errUDPOnly
	}
	told, bind, err := r.addresses(c.Network)
	if err != nil {
		return nil, nil, err
	}
	relay := &relay{of: r, from: holderOf(c.UserID).from}
	if relay.user, err = r.enter(holderOf(c.UserID)); err != nil {
		return nil, nil, err
	}
	if relay.PacketConn, relay.port, err = r.listen(c.Network, bind); err != nil {
		r.leave(relay)
		return nil, nil, err
	}
	if !r.add(relay) {
		return nil, nil, errors.Join(errClosing, relay.Close())
	}
	return relay, &net.UDPAddr{IP: told.AsSlice(), Port: int(relay.port)}, nil
}

// addresses are what to tell and what to bind, for udp4 and udp6.
func (r *relays) addresses(network string) (told netip.Addr, bind string, err error) {
	v4 := network == "udp4"
	for _, a := range r.told {
		if a.Is4() != v4 {
			continue
		}
		if r.bind.IsValid() && r.bind.Is4() == v4 {
			bind = r.bind.String()
		}
		return a, bind, nil
	}
	return netip.Addr{}, "", fmt.Errorf("relay on %s: %w", network, errNoFamily)
}

func (r *relays) listen(network, bind string) (net.PacketConn, uint16, error) {
	var last error
	for range maxTries {
		port := r.first + uint16(rand.IntN(int(r.last-r.first)+1))
		conn, err := net.ListenPacket(network, net.JoinHostPort(bind, strconv.Itoa(int(port))))
		if err == nil {
			return conn, port, nil
		}
		last = err
	}
	return nil, 0, fmt.Errorf("find a port for a relay: %w", last)
}

func (r *relays) enter(who holder) (*user, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[who.user]
	if u == nil {
		limiter := func() *rate.Limiter { return rate.NewLimiter(rate.Limit(r.perSecond), r.perSecond/2) }
		u = &user{name: who.user, up: limiter(), down: limiter()}
	}
	if u.relays >= maxRelaysPerUser || len(r.open) >= maxRelays || !r.shares.Take(who.from) {
		return nil, errQuota
	}
	r.users[who.user] = u
	u.relays++
	return u, nil
}

// leave ends what enter began, and forgets the relay.
func (r *relays) leave(n *relay) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.user.relays--; n.user.relays == 0 {
		delete(r.users, n.user.name)
	}
	r.shares.GiveBack(n.from)
	if _, here := r.open[n]; here {
		delete(r.open, n)
		r.ports.Delete(n.port)
	}
}

// add tells whether the relay may live.
func (r *relays) add(n *relay) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closing {
		r.open[n] = struct{}{}
		r.ports.Store(n.port, nil)
	}
	return !r.closing
}

func (r *relays) has(port uint16) bool {
	_, ok := r.ports.Load(port)
	return ok
}

// close ends all relays, and there will be no others.
func (r *relays) close() {
	r.mu.Lock()
	r.closing = true
	var all []*relay
	for n := range r.open {
		all = append(all, n)
	}
	r.mu.Unlock()
	for _, n := range all {
		_ = n.Close() // whatever it says, the socket is gone
	}
}

// Close frees the port. It is idempotent.
func (n *relay) Close() error {
	n.once.Do(func() { n.of.leave(n) })
	return n.PacketConn.Close()
}

// WriteTo sends a client's packet to a peer, or drops it.
func (n *relay) WriteTo(p []byte, to net.Addr) (int, error) {
	if !n.passes(to, len(p), n.user.up) {
		return len(p), nil
	}
	n.of.bytesUp.Add(uint64(len(p)))
	return n.PacketConn.WriteTo(p, to)
}

// ReadFrom waits for a packet of a peer's that may come.
func (n *relay) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		size, from, err := n.PacketConn.ReadFrom(p)
		if err != nil {
			return size, from, err
		}
		if n.passes(from, size, n.user.down) {
			n.of.bytesDown.Add(uint64(size))
			return size, from, nil
		}
	}
}

func (n *relay) passes(peer net.Addr, size int, share *rate.Limiter) bool {
	at, ok := peer.(*net.UDPAddr)
	if !ok || !n.of.policy.peer(at.AddrPort()) {
		n.of.refused.Add(1)
		return false
	}
	if !share.AllowN(time.Now(), size) {
		n.of.dropped.Add(1)
		return false
	}
	return true
}
