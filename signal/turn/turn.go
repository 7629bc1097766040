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

// Relays are the TURN servers for the clients: the embedded server and the external ones. The owner must call Close, even
// if it never calls Run.
type Relays struct {
	cfg    Config
	log    *slog.Logger
	secret *secret
	urls   []string // of all TURN servers; clients get them

	// The embedded server. The allocator is nil if the embedded server is disabled.
	udp         []net.PacketConn
	tcp         *network.Listener
	allocator   *allocator
	permissions permissions
}

// Stats is a snapshot of the embedded server's counters.
type Stats struct {
	Relays    int    `json:"relays"`    // open relays
	Refused   uint64 `json:"refused"`   // packets from or to peers that the policy does not allow
	Dropped   uint64 `json:"dropped"`   // packets beyond a client's bitrate
	BytesUp   uint64 `json:"bytesUp"`   // relayed from clients
	BytesDown uint64 `json:"bytesDown"` // relayed to clients
}

// New opens the ports of the embedded server, if cfg enables it. The embedded server answers nothing before Run.
func New(cfg Config, log *slog.Logger) (*Relays, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Relays{cfg: cfg, log: log, secret: newSecret(cfg), permissions: permissions{byClient: map[string]map[netip.Addr]struct{}{}}}
	if cfg.Listen != "" {
		if err := r.open(); err != nil {
			return nil, errors.Join(fmt.Errorf("listen on turn.listen %s: %w", cfg.Listen, err), r.Close())
		}
	}
	r.urls = append(r.urls, cfg.External...)
	return r, nil
}

// Servers returns the TURN servers and new credentials for one client. user is the client's id; the limits of relays apply
// to each user. The client can make relays until the credentials expire. Without TURN the result is nil.
func (r *Relays) Servers(user string) []Server {
	if len(r.urls) == 0 {
		return nil
	}
	username, credential := r.secret.issue(user)
	return []Server{{URLs: r.urls, Username: username, Credential: credential}}
}

// open opens the ports of the embedded server and sets all fields for it.
func (r *Relays) open() error {
	listen, err := netip.ParseAddrPort(r.cfg.Listen)
	if err != nil { // turn.listen has no host, such as :3478
		_, port, _ := net.SplitHostPort(r.cfg.Listen)
		n, _ := strconv.ParseUint(port, 10, 16) // Validate has parsed the port
		listen = netip.AddrPortFrom(netip.Addr{}, uint16(n))
	}
	host := listen.Addr().Unmap()
	if host.IsValid() && host.IsUnspecified() {
		host = netip.Addr{}
	}
	own, err := machineAddresses()
	if err != nil {
		return err
	}
	port, err := r.listen(host, listen.Port(), own)
	if err != nil {
		return err
	}
	announced := r.announced(host, own)
	r.addURLs(announced, port)
	first, last, err := r.cfg.relayPorts()
	r.allocator = &allocator{
		first: first, last: last, bind: host, announced: announced, perSecond: r.cfg.bytesPerSecond(),
		users: map[string]*user{}, open: map[*relay]struct{}{}, shares: network.NewShares(maxRelaysPerNetwork),
	}
	return err
}

// listen opens the same port for TCP and UDP, and returns the port. An invalid host stands for all addresses of the machine.
// For port 0 the operating system chooses a TCP port. If this port is not free for UDP, listen tries again with another
// TCP port.
func (r *Relays) listen(host netip.Addr, port uint16, own []netip.Addr) (uint16, error) {
	tries := 1
	if port == 0 {
		tries = maxTries
	}
	var last error
	for range tries {
		bound, err := r.listenTCP(host, port)
		if err != nil {
			return 0, err
		}
		if last = r.listenUDP(host, bound, own); last == nil {
			return bound, nil
		}
		last = errors.Join(last, r.Close())
		r.udp = nil
	}
	return 0, last
}

// tcpBounds returns the limits of the clients' TCP connections to the embedded server.
func tcpBounds() network.Bounds {
	return network.Bounds{
		Connections: 2048,
		PerNetwork:  256, // enough for an office behind one NAT
		FirstWord:   30 * time.Second,
		Silence:     15 * time.Minute, // longer than the default lifetime of an allocation, 10 min (RFC 8656)
		Stalled:     10 * time.Second,
	}
}

// listenTCP opens the TCP port and returns it.
func (r *Relays) listenTCP(host netip.Addr, port uint16) (uint16, error) {
	name := "" // all addresses
	if host.IsValid() {
		name = host.String()
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(name, strconv.Itoa(int(port))))
	if err != nil {
		return 0, err
	}
	r.tcp = network.NewListener(listener, tcpBounds())
	if addr, ok := listener.Addr().(*net.TCPAddr); ok {
		port = addr.AddrPort().Port()
	}
	return port, nil
}

// listenUDP opens one socket for each address, so that an answer has the address of the request as its source. own are the
// addresses of this machine.
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
			continue // the system is removing the address, or checks it for duplicates (IPv6)
		}
		if err != nil {
			return err
		}
		r.udp = append(r.udp, conn)
	}
	return nil
}

// announced returns the addresses of the embedded server for the URLs that clients get:
//   - the addresses of Config.PublicIPs,
//   - if there are none, the address host that the server listens on,
//   - if the server listens on all addresses, one address of each family: the first that is neither link-local nor loopback,
//     or else a loopback address. If only one of these two is a loopback address, the result is the IPv4 address.
func (r *Relays) announced(host netip.Addr, own []netip.Addr) []netip.Addr {
	if len(r.cfg.PublicIPs) > 0 {
		var all []netip.Addr
		for _, text := range r.cfg.PublicIPs {
			all = append(all, netip.MustParseAddr(text).Unmap()) // cannot panic: Validate has parsed the text
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
		return best[:1]
	}
	return onlyValid(best[:])
}

func onlyValid(all []netip.Addr) []netip.Addr {
	var valid []netip.Addr
	for _, a := range all {
		if a.IsValid() {
			valid = append(valid, a)
		}
	}
	return valid
}

// addURLs adds the URLs of the embedded server to urls, for UDP first and then for TCP.
func (r *Relays) addURLs(hosts []netip.Addr, port uint16) {
	for _, protocol := range []string{"udp", "tcp"} {
		for _, h := range hosts {
			r.urls = append(r.urls, fmt.Sprintf("turn:%s?transport=%s", netip.AddrPortFrom(h, port), protocol))
		}
	}
}

// Run runs the embedded server until ctx ends, and then closes all relays. If the embedded server is disabled, Run only waits
// for the end of ctx.
func (r *Relays) Run(ctx context.Context) error {
	if r.allocator == nil {
		<-ctx.Done()
		return nil
	}
	p, err := newPolicy(r.cfg, r.allocator.announced, r.allocator.has)
	if err != nil {
		return fmt.Errorf("look at this machine's addresses: %w", err)
	}
	r.allocator.policy = p
	server, err := turn.NewServer(r.config())
	if err != nil {
		return fmt.Errorf("start the TURN server: %w", err)
	}
	r.log.Info("turn server started", "urls", r.urls, "relay_ports", fmt.Sprintf("%d-%d", r.allocator.first, r.allocator.last))
	<-ctx.Done()
	err = server.Close()
	r.allocator.close()
	return err
}

func (r *Relays) config() turn.ServerConfig {
	c := turn.ServerConfig{
		Realm: r.cfg.Realm, AuthHandler: r.secret.authenticate, QuotaHandler: r.allocator.mayAllocate,
		LoggerFactory: pionlog.Factory{Log: r.log}, EventHandler: r.permissions.events(),
		ListenerConfigs: []turn.ListenerConfig{{Listener: r.tcp, RelayAddressGenerator: r.allocator, PermissionHandler: r.permit}},
	}
	for _, conn := range r.udp {
		c.PacketConnConfigs = append(c.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: conn, RelayAddressGenerator: r.allocator, PermissionHandler: r.permit,
		})
	}
	return c
}

// permit is pion's PermissionHandler. It decides whether a client may have a permission for the IP address of a peer. The
// relay checks the port of the peer for each packet.
func (r *Relays) permit(client net.Addr, ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	return ok && r.allocator.policy.allowsHost(a) && r.permissions.allows(client, a.Unmap())
}

// Stats returns the counters. They are zero if the embedded server is disabled.
func (r *Relays) Stats() Stats {
	if r.allocator == nil {
		return Stats{}
	}
	r.allocator.mu.Lock()
	defer r.allocator.mu.Unlock()
	return Stats{
		Relays: len(r.allocator.open), Refused: r.allocator.refused.Load(), Dropped: r.allocator.dropped.Load(),
		BytesUp: r.allocator.bytesUp.Load(), BytesDown: r.allocator.bytesDown.Load(),
	}
}

// Close closes the ports of the embedded server. It may be called after Run, which also closes them.
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
