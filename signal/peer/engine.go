package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"azulejo/signal/network"
	"azulejo/signal/pionlog"
)

// Engine has everything that all peers of a server share: the codecs, the UDP port, the TCP port and the certificate.
// It is made once; Close it after the last Peer.
type Engine struct {
	cfg  Config
	log  *slog.Logger
	api  func(*retransmitter) *webrtc.API
	cert webrtc.Certificate
	udp  ice.UDPMux // nil without UDP
	tcp  ice.TCPMux // nil without TCP
	at   Addresses

	mu    sync.Mutex
	peers map[*Peer]struct{} // open ones
	past  Stats              // sums over closed peers
}

// Addresses are the ports an Engine listens on, zero where it does not.
type Addresses struct{ UDP, TCP int }

// packetBacklog is how many packets of one TCP client wait to be read.
const packetBacklog = 64

// NewEngine opens the ports of cfg. The caller owns the result and closes it.
func NewEngine(cfg Config, log *slog.Logger) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, log: log, peers: map[*Peer]struct{}{}}
	if err := e.open(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Engine) open() error {
	if err := e.makeCertificate(); err != nil {
		return err
	}
	if err := e.listenUDP(); err != nil {
		return fmt.Errorf("listen on webrtc.udp %s: %w", e.cfg.UDP, err)
	}
	if err := e.listenTCP(); err != nil {
		return fmt.Errorf("listen on webrtc.tcp %s: %w", e.cfg.TCP, err)
	}
	media, err := newMediaEngine()
	if err != nil {
		return err
	}
	shared, err := newInterceptors(media)
	if err != nil {
		return err
	}
	settings, err := e.settings()
	if err != nil {
		return err
	}
	e.api = func(own *retransmitter) *webrtc.API { // one for each peer, since each has its own address follower
		s := settings
		s.SetICEBindingRequestHandler(newAddressFollower(e.keepalive() * 3 / 2).onBindingRequest)
		return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors(own, shared)), webrtc.WithSettingEngine(s))
	}
	return nil
}

// makeCertificate makes the one DTLS certificate of this process: one per peer would cost more than the rest of its
// setup.
func (e *Engine) makeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make certificate key: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	e.cert = *cert
	return nil
}

// listenUDP opens a socket on each address, so that a response leaves from the address that the client sent to.
// Addresses that appear later are not served.
func (e *Engine) listenUDP() error {
	if e.cfg.UDP == "" {
		return nil
	}
	addr, err := net.ResolveUDPAddr("udp", e.cfg.UDP)
	if err != nil {
		return err
	}
	if addr.IP == nil || addr.IP.IsUnspecified() {
		return e.listenEverywhere(addr.Port)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return err
	}
	_ = conn.SetReadBuffer(socketBuffer) // the system's limit may be lower; only smaller bursts are kept then
	_ = conn.SetWriteBuffer(socketBuffer)
	e.udp = webrtc.NewICEUDPMux(e.logger("udp"), conn)
	e.at.UDP = portOf(conn.LocalAddr())
	return nil
}

const socketBuffer = 4 << 20

func (e *Engine) listenEverywhere(port int) error {
	if port == 0 {
		free, err := freePort()
		if err != nil {
			return err
		}
		port = free
	}
	mux, err := ice.NewMultiUDPMuxFromPort(port, ice.UDPMuxFromPortWithLoopback(), ice.UDPMuxFromPortWithLogger(e.logger("udp")),
		ice.UDPMuxFromPortWithReadBufferSize(socketBuffer), ice.UDPMuxFromPortWithWriteBufferSize(socketBuffer))
	if err != nil {
		return err
	}
	e.udp, e.at.UDP = mux, port
	return nil
}

func freePort() (int, error) {
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return 0, err
	}
	return portOf(conn.LocalAddr()), conn.Close()
}

// bounds of connections over TCP. pion limits silence: 30 s before the first check, then the life of the peer. A client
// may have several connections for a moment, one to each of our addresses.
func bounds() network.Bounds {
	return network.Bounds{
		Connections: 4096,
		PerNetwork:  512, // an office behind one NAT that lets no UDP through
		Stalled:     10 * time.Second,
	}
}

func (e *Engine) listenTCP() error {
	if e.cfg.TCP == "" {
		return nil
	}
	listener, err := net.Listen("tcp", e.cfg.TCP) // a long-lived listener
	if err != nil {
		return err
	}
	e.tcp = webrtc.NewICETCPMux(e.logger("tcp"), network.NewListener(listener, bounds()), packetBacklog)
	e.at.TCP = portOf(listener.Addr())
	return nil
}

func portOf(addr net.Addr) int {
	switch a := addr.(type) {
	case *net.UDPAddr:
		return a.Port
	case *net.TCPAddr:
		return a.Port
	}
	return 0
}

func (e *Engine) settings() (webrtc.SettingEngine, error) {
	var s webrtc.SettingEngine
	s.LoggerFactory = pionlog.Factory{Log: e.log}
	s.SetIncludeLoopbackCandidate(true)
	s.SetFireOnTrackBeforeFirstRTP(true)                   // else a track whose first packet has an unknown payload type is never reported
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // clients send checks to us; .local names are not needed
	s.SetNetworkTypes(e.networks())
	if e.udp != nil {
		s.SetICEUDPMux(e.udp)
	}
	if e.tcp != nil {
		s.SetICETCPMux(e.tcp)
	}
	s.DisableActiveTCP(true)
	// A silent connection is first disconnected, which may recover, and then failed, which ends the peer.
	third := e.cfg.timeout() / 3
	s.SetICETimeouts(third, e.cfg.timeout()-third, e.keepalive())
	if len(e.cfg.PublicIPs) == 0 {
		return s, nil
	}
	return s, e.announcePublicIPs(&s)
}

// keepalive is the interval in which each side has to send something.
func (e *Engine) keepalive() time.Duration { return min(e.cfg.timeout()/6, 2*time.Second) }

func (e *Engine) networks() []webrtc.NetworkType {
	var types []webrtc.NetworkType
	if e.udp != nil {
		types = append(types, webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6)
	}
	if e.tcp != nil {
		types = append(types, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	return types
}

func (e *Engine) logger(scope string) logging.LeveledLogger {
	return pionlog.Factory{Log: e.log}.NewLogger(scope)
}

// ICEServers are the STUN and TURN servers for one client. Credentials of relays are made for it. The caller may keep
// the slice.
func (e *Engine) ICEServers(user string) []ICEServer {
	servers := slices.Clone(e.cfg.ICEServers)
	if e.cfg.Relays != nil {
		servers = append(servers, e.cfg.Relays(user)...)
	}
	return servers
}

// Addresses are the ports that were opened.
func (e *Engine) Addresses() Addresses { return e.at }

// Close closes the ports. Open peers lose their network.
func (e *Engine) Close() error {
	var errs []error
	if e.udp != nil {
		errs = append(errs, e.udp.Close())
	}
	if e.tcp != nil {
		errs = append(errs, e.tcp.Close())
	}
	return errors.Join(errs...)
}
