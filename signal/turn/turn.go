package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/pion/turn/v5"

	"azulejo/signal/network"
	"azulejo/signal/pionlog"
)

// Relays are the TURN servers that the server names to its clients: the embedded one and the external ones. Close must
// be called in any case, also without Run.
type Relays struct {
	cfg    Config
	log    *slog.Logger
	secret *secret
	urls   []string

	udp    []net.PacketConn // of the embedded server; empty: it is disabled
	tcp    *network.Listener
	relays *relays
	grants grants
}

// Stats count what the embedded server did since its start.
type Stats struct {
	Relays    int    `json:"relays"`    // now
	Refused   uint64 `json:"refused"`   // packets from or to peers that the policy does not allow
	Dropped   uint64 `json:"dropped"`   // packets beyond a client's bitrate
	BytesUp   uint64 `json:"bytesUp"`   // from clients
	BytesDown uint64 `json:"bytesDown"` // to clients
}

// New opens the ports of the embedded server, if cfg enables it. The embedded server answers nothing before Run.
func New(cfg Config, log *slog.Logger) (*Relays, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Relays{cfg: cfg, log: log, secret: newSecret(cfg), grants: grants{of: map[string]map[netip.Addr]struct{}{}}}
	if cfg.Listen != "" {
		if err := r.open(); err != nil {
			return nil, errors.Join(fmt.Errorf("listen on turn.listen %s: %w", cfg.Listen, err), r.Close())
		}
	}
	r.urls = append(r.urls, cfg.External...)
	return r, nil
}

// Servers returns the TURN servers for one client. The client can make relays with the credentials until they expire.
func (r *Relays) Servers(user string) []Server {
	if len(r.urls) == 0 {
		return nil
	}
	username, credential := r.secret.issue(user)
	return []Server{{URLs: r.urls, Username: username, Credential: credential}}
}

func (r *Relays) open() error {
	at, err := netip.ParseAddrPort(r.cfg.Listen)
	if err != nil { // no host
		_, port, _ := net.SplitHostPort(r.cfg.Listen)
		n, _ := strconv.ParseUint(port, 10, 16) // Validate read it
		at = netip.AddrPortFrom(netip.Addr{}, uint16(n))
	}
	host := at.Addr().Unmap()
	if host.IsValid() && host.IsUnspecified() {
		host = netip.Addr{}
	}
	own, err := addresses()
	if err != nil {
		return err
	}
	port, err := r.listen(host, at.Port(), own)
	if err != nil {
		return err
	}
	announced := r.announced(host, own)
	r.addURLs(announced, port)
	first, last, err := r.cfg.relayPorts()
	r.relays = &relays{
		first: first, last: last, bind: host, announced: announced, perSecond: r.cfg.bytesPerSecond(),
		users: map[string]*user{}, open: map[*relay]struct{}{}, shares: network.NewShares(maxRelaysPerNetwork),
	}
	return err
}

// listen opens the same port for TCP and UDP, and returns it. For port 0 the system chooses a TCP port. If that port is
// not free for UDP, listen tries again with another one.
func (r *Relays) listen(host netip.Addr, port uint16, own []netip.Addr) (uint16, error) {
	tries := 1
	if port == 0 {
		tries = maxTries
	}
	var last error
	for range tries {
		at, err := r.listenTCP(host, port)
		if err != nil {
			return 0, err
		}
		if last = r.listenUDP(host, at, own); last == nil {
			return at, nil
		}
		last = errors.Join(last, r.Close())
		r.udp = nil
	}
	return 0, last
}

// bounds returns the bounds of connections over TCP.
func bounds() network.Bounds {
	return network.Bounds{
		Connections: 2048,
		PerNetwork:  256, // an office behind one NAT
		FirstWord:   30 * time.Second,
		Silence:     15 * time.Minute, // the relay of a silent client lives for 10 min
		Stalled:     10 * time.Second,
	}
}

func (r *Relays) listenTCP(host netip.Addr, port uint16) (uint16, error) {
	name := "" // all addresses
	if host.IsValid() {
		name = host.String()
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(name, strconv.Itoa(int(port))))
	if err != nil {
		return 0, err
	}
	r.tcp = network.NewListener(listener, bounds())
	if at, ok := listener.Addr().(*net.TCPAddr); ok {
		port = at.AddrPort().Port()
	}
	return port, nil
}

// listenUDP binds every address with a socket of its own, so that an answer leaves from the address of the request.
func (r *Relays) listenUDP(host netip.Addr, port uint16, own []netip.Addr) error {
	hosts := own
	if host.IsValid() {
		hosts = []netip.Addr{host}
	}
	for _, h := range hosts {
		if h.IsLinkLocalUnicast() {
			continue
		}
		conn, err := net.ListenPacket("udp", netip.AddrPortFrom(h, port).String())
		if errors.Is(err, syscall.EADDRNOTAVAIL) && !host.IsValid() {
			continue // an address that is being removed, or checked for duplicates
		}
		if err != nil {
			return err
		}
		r.udp = append(r.udp, conn)
	}
	return nil
}

// announced returns the addresses that clients learn. These are the configured ones. Without them, it is the address
// that the server listens on. If it listens on all addresses, these are the first reachable ones of each family.
func (r *Relays) announced(host netip.Addr, own []netip.Addr) []netip.Addr {
	if len(r.cfg.PublicIPs) > 0 {
		var all []netip.Addr
		for _, text := range r.cfg.PublicIPs {
			all = append(all, netip.MustParseAddr(text).Unmap()) // Validate read it
		}
		return all
	}
	if host.IsValid() {
		return []netip.Addr{host}
	}
	var best [2]netip.Addr // IPv4, IPv6
	for _, a := range own {
		family := 0
		if a.Is6() {
			family = 1
		}
		if !a.IsLinkLocalUnicast() && (!best[family].IsValid() || best[family].IsLoopback()) {
			best[family] = a
		}
	}
	if best[0].IsValid() && best[1].IsLoopback() != best[0].IsLoopback() {
		return best[:1] // IPv4 only, since just one of the two is a loopback address
	}
	return compact(best[:])
}

func compact(all []netip.Addr) []netip.Addr {
	var valid []netip.Addr
	for _, a := range all {
		if a.IsValid() {
			valid = append(valid, a)
		}
	}
	return valid
}

// addURLs adds the URLs of the embedded server.
func (r *Relays) addURLs(hosts []netip.Addr, port uint16) {
	for _, protocol := range []string{"udp", "tcp"} {
		for _, h := range hosts {
			r.urls = append(r.urls, fmt.Sprintf("turn:%s?transport=%s", netip.AddrPortFrom(h, port), protocol))
		}
	}
}

// Run serves until ctx ends, then closes all relays. Without an embedded server it only waits.
func (r *Relays) Run(ctx context.Context) error {
	if r.relays == nil {
		<-ctx.Done()
		return nil
	}
	p, err := newPolicy(r.cfg, r.relays.announced, r.relays.has)
	if err != nil {
		return fmt.Errorf("look at this machine's addresses: %w", err)
	}
	r.relays.policy = p
	server, err := turn.NewServer(r.config())
	if err != nil {
		return fmt.Errorf("start the TURN server: %w", err)
	}
	r.log.Info("turn server started", "urls", r.urls, "relay_ports", fmt.Sprintf("%d-%d", r.relays.first, r.relays.last))
	<-ctx.Done()
	err = server.Close()
	r.relays.close()
	return err
}

func (r *Relays) config() turn.ServerConfig {
	c := turn.ServerConfig{
		Realm: r.cfg.Realm, AuthHandler: r.secret.authenticate, QuotaHandler: r.relays.mayAllocate,
		LoggerFactory: pionlog.Factory{Log: r.log}, EventHandler: r.grants.events(),
		ListenerConfigs: []turn.ListenerConfig{{Listener: r.tcp, RelayAddressGenerator: r.relays, PermissionHandler: r.permit}},
	}
	for _, conn := range r.udp {
		c.PacketConnConfigs = append(c.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: conn, RelayAddressGenerator: r.relays, PermissionHandler: r.permit,
		})
	}
	return c
}

// permit decides whether a client may have a permission for the address of a peer. The port of the peer is checked with
// each packet.
func (r *Relays) permit(client net.Addr, ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	return ok && r.relays.policy.host(a) && r.grants.allows(client, a.Unmap())
}

// Stats returns a snapshot. It is zero without an embedded server.
func (r *Relays) Stats() Stats {
	if r.relays == nil {
		return Stats{}
	}
	s := &r.relays.mu
	s.Lock()
	defer s.Unlock()
	return Stats{
		Relays: len(r.relays.open), Refused: r.relays.refused.Load(), Dropped: r.relays.dropped.Load(),
		BytesUp: r.relays.bytesUp.Load(), BytesDown: r.relays.bytesDown.Load(),
	}
}

// Close closes the ports of the embedded server. After Run they are closed already.
func (r *Relays) Close() error {
	var errs []error
	for _, conn := range r.udp {
		errs = append(errs, ignoreClosed(conn.Close()))
	}
	if r.tcp != nil {
		errs = append(errs, ignoreClosed(r.tcp.Close()))
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
