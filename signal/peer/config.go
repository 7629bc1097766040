package peer

import (
	"errors"
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

// Validate returns an error with a line for each bad field. The line names the field and what it accepts.
func (c Config) Validate() error {
	var errs []error
	if c.UDP == "" && c.TCP == "" {
		errs = append(errs, errors.New("webrtc.udp and webrtc.tcp are both empty: at least one address such as \":8189\" is needed"))
	}
	errs = append(errs, checkAddress("webrtc.udp", c.UDP), checkAddress("webrtc.tcp", c.TCP))
	for i, ip := range c.PublicIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			errs = append(errs, fmt.Errorf("webrtc.public_ips[%d]: %q: accepted are IPv4 and IPv6 addresses", i, ip))
		}
	}
	for i, s := range c.ICEServers {
		errs = append(errs, s.check(fmt.Sprintf("webrtc.ice_servers[%d].urls", i)))
	}
	return errors.Join(errs...)
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

func (s ICEServer) check(field string) error {
	if len(s.URLs) == 0 {
		return fmt.Errorf("%s: none: at least one stun: or turn: URL is needed", field)
	}
	var errs []error
	for i, u := range s.URLs {
		scheme, rest, _ := strings.Cut(u, ":")
		if rest == "" || (scheme != "stun" && scheme != "stuns" && scheme != "turn" && scheme != "turns") {
			errs = append(errs, fmt.Errorf("%s[%d]: %q: accepted are stun:, stuns:, turn: and turns: URLs", field, i, u))
		}
	}
	return errors.Join(errs...)
}
