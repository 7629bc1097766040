package peer

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Config says on which ports the server receives media, and which addresses and ICE servers it sends to clients.
type Config struct {
	UDP        string      `yaml:"udp"`         // host:port or :port to listen on, for all media over UDP; empty: no UDP
	TCP        string      `yaml:"tcp"`         // host:port or :port to listen on, for all media over TCP; empty: no TCP
	PublicIPs  []string    `yaml:"public_ips"`  // candidates besides the addresses of this machine, for 1:1 NAT
	ICEServers []ICEServer `yaml:"ice_servers"` // STUN and TURN servers for the clients

	// Relays returns TURN servers with credentials for one client. It is nil if there are none.
	Relays func(user string) []ICEServer `yaml:"-"`

	// A connection fails if no packet arrives for Timeout. Zero means DefaultTimeout.
	Timeout time.Duration `yaml:"-"`
}

// ICEServer is one STUN or TURN server. Its JSON is an RTCIceServer of browsers.
type ICEServer struct {
	URLs       []string `json:"urls" yaml:"urls"`
	Username   string   `json:"username,omitempty" yaml:"username"`
	Credential string   `json:"credential,omitempty" yaml:"credential"`
}

// LogValue omits the credential.
func (s ICEServer) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("urls", s.URLs), slog.String("username", s.Username))
}

// DefaultTimeout is the default of Config.Timeout.
const DefaultTimeout = 15 * time.Second

func (c Config) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return DefaultTimeout
}

// Validate returns an error that names the first bad field and the values that the field accepts.
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
