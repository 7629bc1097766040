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

// Limits of relays. A WebRTC client makes a relay for each TURN URL and each of its network interfaces, and makes new
// relays for an ICE restart.
const (
	maxRelaysPerUser    = 16
	maxRelaysPerNetwork = 512 // an office of 100 people behind one NAT, over UDP and TCP; each of their connections is a user
	maxRelays           = 4096
	maxTries            = 32 // how many random ports of the range are tried for one relay
)

var (
	errQuota    = errors.New("too many relays")
	errUDPOnly  = errors.New("only UDP is relayed, on a port of the server's choice")
	errClosing  = errors.New("the relays are closing")
	errNoFamily = errors.New("no address of that family")
)

// relays opens the sockets of relays (turn.RelayAddressGenerator) and counts their packets.
type relays struct {
	policy      *policy
	first, last uint16
	bind        netip.Addr   // sockets of its address family are bound to it; others are bound to no address
	announced   []netip.Addr // the first one of each family is the address of a relay
	perSecond   int          // most bytes a second of one client, in each direction

	mu      sync.Mutex
	closing bool
	users   map[string]*user
	open    map[*relay]struct{}
	shares  *network.Shares

	ports                                sync.Map // of the open relays; the keys are uint16
	refused, dropped, bytesUp, bytesDown atomic.Uint64
}

// user is one client, with its limits.
type user struct {
	name     string
	relays   int // under relays.mu
	up, down *rate.Limiter
}

// relay is one socket that relays for a client. It drops packets from and to peers that the policy does not allow, and
// packets beyond the client's bitrate.
type relay struct {
	net.PacketConn
	of   *relays
	user *user
	from netip.Prefix // the client's network
	port uint16
	once sync.Once
}

// Validate implements turn.RelayAddressGenerator; Config is valid already.
func (r *relays) Validate() error { return nil }

// AllocateListener refuses relays of TCP (RFC 6062), which WebRTC does not use.
func (r *relays) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errUDPOnly
}

// AllocateConn refuses connections of TCP relays.
func (r *relays) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errUDPOnly }

// mayAllocate is pion's quota handler. If it returns false, pion sends the client the error of an exceeded quota.
func (r *relays) mayAllocate(id, _ string, _ net.Addr) bool {
	h := holderOf(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[h.user]
	return len(r.open) < maxRelays && (u == nil || u.relays < maxRelaysPerUser) && !r.shares.Spent(h.from)
}

// AllocatePacketConn opens a socket on a random free port of the range. A random port cannot be guessed by others.
func (r *relays) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.RequestedPort != 0 || c.UserID == "" {
		return nil, nil, errUDPOnly
	}
	address, bind, err := r.addresses(c.Network)
	if err != nil {
		return nil, nil, err
	}
	relay := &relay{of: r, from: holderOf(c.UserID).from}
	if relay.user, err = r.reserve(holderOf(c.UserID)); err != nil {
		return nil, nil, err
	}
	if relay.PacketConn, relay.port, err = r.listen(c.Network, bind); err != nil {
		r.release(relay)
		return nil, nil, err
	}
	if !r.add(relay) {
		return nil, nil, errors.Join(errClosing, relay.Close())
	}
	return relay, &net.UDPAddr{IP: address.AsSlice(), Port: int(relay.port)}, nil
}

// addresses returns the address to announce and the address to bind a socket to, for network udp4 or udp6.
func (r *relays) addresses(network string) (announced netip.Addr, bind string, err error) {
	v4 := network == "udp4"
	for _, a := range r.announced {
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

// reserve counts one more relay of a holder, unless that exceeds a limit.
func (r *relays) reserve(h holder) (*user, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[h.user]
	if u == nil {
		limiter := func() *rate.Limiter { return rate.NewLimiter(rate.Limit(r.perSecond), r.perSecond/2) }
		u = &user{name: h.user, up: limiter(), down: limiter()}
	}
	if u.relays >= maxRelaysPerUser || len(r.open) >= maxRelays || !r.shares.Take(h.from) {
		return nil, errQuota
	}
	r.users[h.user] = u
	u.relays++
	return u, nil
}

// release undoes reserve, and removes the relay if add registered it.
func (r *relays) release(n *relay) {
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

// add registers an open relay. It returns false if the relays are being closed.
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

// close closes all relays and refuses new ones.
func (r *relays) close() {
	r.mu.Lock()
	r.closing = true
	var all []*relay
	for n := range r.open {
		all = append(all, n)
	}
	r.mu.Unlock()
	for _, n := range all {
		_ = n.Close() // after an error the socket is closed too
	}
}

// Close closes the socket and releases the relay. It is idempotent.
func (n *relay) Close() error {
	n.once.Do(func() { n.of.release(n) })
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

// ReadFrom waits for the next packet of an allowed peer.
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

func (n *relay) passes(peer net.Addr, size int, bytes *rate.Limiter) bool {
	at, ok := peer.(*net.UDPAddr)
	if !ok || !n.of.policy.peer(at.AddrPort()) {
		n.of.refused.Add(1)
		return false
	}
	if !bytes.AllowN(time.Now(), size) {
		n.of.dropped.Add(1)
		return false
	}
	return true
}
