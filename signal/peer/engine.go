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

// Engine holds everything that all peers of a server share: the codecs, the UDP port, the TCP port and the certificate.
// A server makes one Engine, and must close it after the last Peer.
type Engine struct {
	cfg   Config
	log   *slog.Logger
	api   func(*retransmitter) *webrtc.API // makes the API of one connection
	cert  webrtc.Certificate
	udp   ice.UDPMux // nil without UDP
	tcp   ice.TCPMux // nil without TCP
	ports Addresses  // the ports that were opened

	mu    sync.Mutex
	peers map[*Peer]struct{} // the open peers
	past  Stats              // sums over closed peers
}

// Addresses holds the port numbers on which an Engine listens. A number is zero if the Engine does not use the protocol.
type Addresses struct{ UDP, TCP int }

// packetBacklog is the number of packets of one TCP connection that may wait to be read.
const packetBacklog = 64

// NewEngine opens the ports of cfg. The caller owns the result and must close it.
func NewEngine(cfg Config, log *slog.Logger) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, log: log, peers: map[*Peer]struct{}{}}
	if err := e.start(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Engine) start() error {
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
	shared, err := sharedInterceptors(media)
	if err != nil {
		return err
	}
	settings, err := e.settings()
	if err != nil {
		return err
	}
	e.api = func(r *retransmitter) *webrtc.API { // each peer has its own retransmitter and address follower
		s := settings
		s.SetICEBindingRequestHandler(newAddressFollower(e.keepalive() * 3 / 2).onBindingRequest)
		return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(interceptors(r, shared)), webrtc.WithSettingEngine(s))
	}
	return nil
}

// makeCertificate makes the DTLS certificate that all peers share. One certificate per peer would cost more CPU time than
// the rest of the peer's setup.
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

// listenUDP opens the UDP port. If webrtc.udp names no IP address, it opens one socket for each address of this machine, so
// that a response leaves from the address that the client sent to. An address that the machine gets later has no socket.
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
	_ = conn.SetReadBuffer(socketBuffer) // if the system's limit is lower, the buffer is smaller and loses large bursts
	_ = conn.SetWriteBuffer(socketBuffer)
	e.udp = webrtc.NewICEUDPMux(e.logger("udp"), conn)
	e.ports.UDP = portOf(conn.LocalAddr())
	return nil
}

// socketBuffer is the size of each buffer of a UDP socket, in bytes.
const socketBuffer = 4 << 20

// listenEverywhere opens one socket for each address of this machine, all on one port. Port 0 means any free port.
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
	e.udp, e.ports.UDP = mux, port
	return nil
}

func freePort() (int, error) {
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return 0, err
	}
	return portOf(conn.LocalAddr()), conn.Close()
}

// tcpBounds returns the limits of connections over TCP. It sets no limit for silence, because pion has its own: it closes a
// connection without an ICE check after 30 s, and other connections together with their peer. A client may have several
// connections for a moment, one to each address of the server.
func tcpBounds() network.Bounds {
	return network.Bounds{
		Connections: 4096,
		PerNetwork:  512, // enough for an office behind one NAT that blocks UDP
		Stalled:     10 * time.Second,
	}
}

func (e *Engine) listenTCP() error {
	if e.cfg.TCP == "" {
		return nil
	}
	listener, err := net.Listen("tcp", e.cfg.TCP)
	if err != nil {
		return err
	}
	e.tcp = webrtc.NewICETCPMux(e.logger("tcp"), network.NewListener(listener, tcpBounds()), packetBacklog)
	e.ports.TCP = portOf(listener.Addr())
	return nil
}

// portOf returns the port of a UDP or TCP address.
func portOf(addr net.Addr) int {
	switch a := addr.(type) {
	case *net.UDPAddr:
		return a.Port
	case *net.TCPAddr:
		return a.Port
	}
	return 0
}

// settings returns the settings of pion that all peers share.
func (e *Engine) settings() (webrtc.SettingEngine, error) {
	var s webrtc.SettingEngine
	s.LoggerFactory = pionlog.Factory{Log: e.log}
	s.SetIncludeLoopbackCandidate(true)
	s.SetFireOnTrackBeforeFirstRTP(true)                   // otherwise a first packet of an unknown payload type would hide the track
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // clients send checks to the server, so it needs no .local names
	s.SetNetworkTypes(e.networkTypes())
	if e.udp != nil {
		s.SetICEUDPMux(e.udp)
	}
	if e.tcp != nil {
		s.SetICETCPMux(e.tcp)
	}
	s.DisableActiveTCP(true)
	// After a third of the timeout a silent connection is disconnected, and may recover. After the rest of the timeout it
	// has failed, which ends the peer.
	disconnected := e.cfg.timeout() / 3
	s.SetICETimeouts(disconnected, e.cfg.timeout()-disconnected, e.keepalive())
	if len(e.cfg.PublicIPs) == 0 {
		return s, nil
	}
	return s, e.announcePublicIPs(&s)
}

// keepalive returns the interval at which the ICE agent sends a check over the selected pair. The client must answer each
// check.
func (e *Engine) keepalive() time.Duration { return min(e.cfg.timeout()/6, 2*time.Second) }

func (e *Engine) networkTypes() []webrtc.NetworkType {
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

// ICEServers returns the STUN and TURN servers for one client. Credentials from Config.Relays are valid for this client
// only. The caller may keep the slice.
func (e *Engine) ICEServers(user string) []ICEServer {
	servers := slices.Clone(e.cfg.ICEServers)
	if e.cfg.Relays != nil {
		servers = append(servers, e.cfg.Relays(user)...)
	}
	return servers
}

// Addresses returns the ports that were opened.
func (e *Engine) Addresses() Addresses { return e.ports }

// Close closes the ports. Peers that are still open lose their connection.
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
