package peer

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Config is where media are received, and the addresses and servers that clients are told.
type Config struct {
	UDP        string      `yaml:"udp"`         // address of the one UDP port; empty: no UDP
	TCP        string      `yaml:"tcp"`         // address of the one TCP port; empty: no TCP
	PublicIPs  []string    `yaml:"public_ips"`  // announced besides our own addresses (1:1 NAT)
	ICEServers []ICEServer `yaml:"ice_servers"` // STUN and TURN servers for the clients

	// Relays returns TURN servers with credentials for one client; nil: there are none.
	Relays func(user string) []ICEServer `yaml:"-"`

	// Timeout is how long a connection may be without any packet before it fails; zero means 15 s.
	Timeout time.Duration `yaml:"-"`
}

// ICEServer is one STUN or TURN server, in the shape that RTCPeerConnection takes.
type ICEServer struct {
	URLs       []string `json:"urls" yaml:"urls"`
	Username   string   `json:"username,omitempty" yaml:"username"`
	Credential string   `json:"credential,omitempty" yaml:"credential"`
}

// LogValue omits the credential.
func (s ICEServer) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("urls", s.URLs), slog.String("username", s.Username))
}

// DefaultTimeout is how long a connection may be silent.
const DefaultTimeout = 15 * time.Second

func (c Config) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return DefaultTimeout
}

// Validate names the first bad field and what it accepts.
func (c Config) Validate() error {
	if c.UDP == "" && c.TCP == "" {
		return fmt.Errorf("webrtc.udp and webrtc.tcp are both empty: at least one address such as \":8189\" is needed")
	}
	if err := checkAddress("webrtc.udp", c.UDP); err != nil {
		return err
	}
	if err := checkAddress("webrtc.tcp", c.TCP); err != nil {
		return err
	}
	for _, ip := range c.PublicIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			return fmt.Errorf("webrtc.public_ips: %q: accepted are IPv4 and IPv6 addresses", ip)
		}
	}
	return checkServers(c.ICEServers)
}

func checkAddress(field, address string) error {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s: %q: accepted is host:port or :port", field, address)
	}
	if _, err := net.LookupPort("udp", port); err != nil {
		return fmt.Errorf("%s: %q: accepted ports are 0 to 65535", field, address)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		return fmt.Errorf("%s: %q: accepted hosts are IP addresses and nothing (all interfaces)", field, address)
	}
	return nil
}

func checkServers(servers []ICEServer) error {
	for _, s := range servers {
		if len(s.URLs) == 0 {
			return fmt.Errorf("webrtc.ice_servers: an entry without urls: at least one stun: or turn: URL is needed")
		}
		for _, u := range s.URLs {
			scheme, rest, _ := strings.Cut(u, ":")
			if rest == "" || (scheme != "stun" && scheme != "stuns" && scheme != "turn" && scheme != "turns") {
				return fmt.Errorf("webrtc.ice_servers: %q: accepted are stun:, stuns:, turn: and turns: URLs", u)
			}
		}
	}
	return nil
}
