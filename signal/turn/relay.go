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

// Limits of relays. A WebRTC client makes a relay for each TURN URL and each of its network interfaces. It makes new relays
// for an ICE restart.
const (
	maxRelaysPerUser    = 16
	maxRelaysPerNetwork = 512 // enough for an office of 100 people behind one NAT, each with relays over UDP and TCP
	maxRelays           = 4096
	maxTries            = 32 // the number of random ports that are tried before an error is returned
)

var (
	errQuota    = errors.New("too many relays")
	errUDPOnly  = errors.New("only UDP is relayed, on a port of the server's choice")
	errClosing  = errors.New("the relays are closing")
	errNoFamily = errors.New("no address of that family")
)

// allocator implements turn.RelayAddressGenerator: it opens the sockets of relays. It also limits the relays and counts their
// packets. It is safe for concurrent use.
type allocator struct {
	policy      *policy      // set by Run, before the first relay
	first, last uint16       // the range of ports
	bind        netip.Addr   // the address to which sockets of its family are bound; all other sockets listen on all addresses
	announced   []netip.Addr // clients get the first address of a family as the address of their relay
	perSecond   int          // limit of one user in each direction, in bytes a second

	mu      sync.Mutex
	closing bool
	users   map[string]*user // by name; only users with relays
	open    map[*relay]struct{}
	shares  *network.Shares // counts the relays of each network

	ports                                sync.Map // the ports of the open relays, as keys of type uint16
	refused, dropped, bytesUp, bytesDown atomic.Uint64
}

// user is the part after the expiry in the user name of credentials. All relays with this user share one bitrate limit.
type user struct {
	name     string
	relays   int           // guarded by allocator.mu
	up, down *rate.Limiter // of bytes from the client, and to the client
}

// relay is the socket of one relay of a client. It drops packets from and to peers that the policy does not allow, and
// packets that exceed the user's bitrate.
type relay struct {
	net.PacketConn
	allocator *allocator
	user      *user
	network   netip.Prefix // the client's network
	port      uint16
	once      sync.Once
}

// Validate implements turn.RelayAddressGenerator. It has nothing to check: New has validated the Config.
func (a *allocator) Validate() error { return nil }

// AllocateListener refuses TCP relays (RFC 6062). WebRTC does not use them.
func (a *allocator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errUDPOnly
}

// AllocateConn refuses connections through TCP relays (RFC 6062).
func (a *allocator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errUDPOnly }

// mayAllocate is pion's QuotaHandler. If it returns false, pion answers the client with error 486 (Allocation Quota Reached).
func (a *allocator) mayAllocate(id, _ string, _ net.Addr) bool {
	h := holderOf(id)
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.users[h.user]
	return len(a.open) < maxRelays && (u == nil || u.relays < maxRelaysPerUser) && !a.shares.Spent(h.network)
}

// AllocatePacketConn opens the socket of a relay on a random free port of the range. Other hosts cannot guess the port. It
// returns the socket and the address that the client learns.
func (a *allocator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.RequestedPort != 0 || c.UserID == "" {
		return nil, nil, errUDPOnly
	}
	address, bind, err := a.addresses(c.Network)
	if err != nil {
		return nil, nil, err
	}
	relay := &relay{allocator: a, network: holderOf(c.UserID).network}
	if relay.user, err = a.reserve(holderOf(c.UserID)); err != nil {
		return nil, nil, err
	}
	if relay.PacketConn, relay.port, err = a.listen(c.Network, bind); err != nil {
		a.release(relay)
		return nil, nil, err
	}
	if !a.add(relay) {
		return nil, nil, errors.Join(errClosing, relay.Close())
	}
	return relay, &net.UDPAddr{IP: address.AsSlice(), Port: int(relay.port)}, nil
}

// addresses returns the address to announce and the address to bind a socket to. network is udp4 or udp6. An empty bind
// stands for all addresses.
func (a *allocator) addresses(network string) (announced netip.Addr, bind string, err error) {
	v4 := network == "udp4"
	for _, addr := range a.announced {
		if addr.Is4() != v4 {
			continue
		}
		if a.bind.IsValid() && a.bind.Is4() == v4 {
			bind = a.bind.String()
		}
		return addr, bind, nil
	}
	return netip.Addr{}, "", fmt.Errorf("relay on %s: %w", network, errNoFamily)
}

// listen opens a socket on a random free port of the range, and returns the port.
func (a *allocator) listen(network, bind string) (net.PacketConn, uint16, error) {
	var last error
	for range maxTries {
		port := a.first + uint16(rand.IntN(int(a.last-a.first)+1))
		conn, err := net.ListenPacket(network, net.JoinHostPort(bind, strconv.Itoa(int(port))))
		if err == nil {
			return conn, port, nil
		}
		last = err
	}
	return nil, 0, fmt.Errorf("find a port for a relay: %w", last)
}

// reserve counts one more relay of a holder. It returns errQuota if the relay would exceed a limit.
func (a *allocator) reserve(h holder) (*user, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.users[h.user]
	if u == nil {
		limiter := func() *rate.Limiter { return rate.NewLimiter(rate.Limit(a.perSecond), a.perSecond/2) } // a burst of half a second
		u = &user{name: h.user, up: limiter(), down: limiter()}
	}
	if u.relays >= maxRelaysPerUser || len(a.open) >= maxRelays || !a.shares.Take(h.network) {
		return nil, errQuota
	}
	a.users[h.user] = u
	u.relays++
	return u, nil
}

// release undoes reserve, and add if the relay was added.
func (a *allocator) release(r *relay) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.user.relays--; r.user.relays == 0 {
		delete(a.users, r.user.name)
	}
	a.shares.GiveBack(r.network)
	if _, added := a.open[r]; added {
		delete(a.open, r)
		a.ports.Delete(r.port)
	}
}

// add registers an open relay. After close, it returns false and does not register the relay.
func (a *allocator) add(r *relay) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closing {
		a.open[r] = struct{}{}
		a.ports.Store(r.port, nil)
	}
	return !a.closing
}

// has tells whether an open relay has the port.
func (a *allocator) has(port uint16) bool {
	_, ok := a.ports.Load(port)
	return ok
}

// close closes all relays and refuses new ones.
func (a *allocator) close() {
	a.mu.Lock()
	a.closing = true
	var all []*relay
	for r := range a.open {
		all = append(all, r)
	}
	a.mu.Unlock()
	for _, r := range all {
		_ = r.Close() // the socket is closed even if Close returns an error
	}
}

// Close closes the socket and releases the relay. It may be called again, and then returns an error.
func (r *relay) Close() error {
	r.once.Do(func() { r.allocator.release(r) })
	return r.PacketConn.Close()
}

// WriteTo sends a client's packet to a peer. It returns no error if it drops the packet.
func (r *relay) WriteTo(p []byte, peer net.Addr) (int, error) {
	if !r.passes(peer, len(p), r.user.up) {
		return len(p), nil
	}
	r.allocator.bytesUp.Add(uint64(len(p)))
	return r.PacketConn.WriteTo(p, peer)
}

// ReadFrom waits for the next packet that is not dropped.
func (r *relay) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		size, peer, err := r.PacketConn.ReadFrom(p)
		if err != nil {
			return size, peer, err
		}
		if r.passes(peer, size, r.user.down) {
			r.allocator.bytesDown.Add(uint64(size))
			return size, peer, nil
		}
	}
}

// passes tells whether a packet from or to a peer passes the policy and the limiter. It counts the packet if it does not.
func (r *relay) passes(peer net.Addr, size int, bytes *rate.Limiter) bool {
	addr, ok := peer.(*net.UDPAddr)
	if !ok || !r.allocator.policy.allowsPeer(addr.AddrPort()) {
		r.allocator.refused.Add(1)
		return false
	}
	if !bytes.AllowN(time.Now(), size) {
		r.allocator.dropped.Add(1)
		return false
	}
	return true
}
