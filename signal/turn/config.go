package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Config describes the embedded server, external servers, or both. If Listen and External are empty, TURN is disabled.
type Config struct {
	Listen     string   // address of the embedded server, for UDP and TCP; empty: none
	Realm      string   // of the embedded server
	External   []string // URLs of other servers with the same secret
	Secret     string   // shared with the external servers; empty: a random secret, allowed only without external servers
	PublicIPs  []string // addresses of the embedded server and its relays; empty: this machine's addresses
	RelayPorts string   // range of UDP ports for relays, such as "49152-65535"; empty: DefaultRelayPorts
	AllowPeers []string // prefixes of private networks or of this machine that are allowed as peers

	Lifetime time.Duration // how long a client can make relays with its credentials; zero: DefaultLifetime
	Bitrate  int           // limit of one client in each direction, in bits a second; zero: DefaultBitrate

	// Media returns the addresses on which this server receives media. They are always allowed as peers. Run calls Media once.
	Media func() []netip.AddrPort
}

// Defaults of the Config.
const (
	DefaultRelayPorts = "49152-65535" // the dynamic ports (RFC 6335, section 6)
	DefaultLifetime   = time.Hour
	DefaultBitrate    = 20_000_000
)

// Limits of the Config.
const (
	leastLifetime, mostLifetime = time.Minute, 24 * time.Hour
	leastBitrate                = 100_000 // bits a second
	leastSecret                 = 16      // characters
)

// Enabled tells whether an embedded or external TURN server is configured.
func (c Config) Enabled() bool { return c.Listen != "" || len(c.External) > 0 }

// Validate returns an error with a line for each bad key. The line names the key, its value and what is accepted.
func (c Config) Validate() error {
	return errors.Join(c.checkListen(), c.checkExternal(), c.checkSecret(), c.checkAddresses(), c.checkBounds())
}

func (c Config) checkListen() error {
	if c.Listen == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("turn.listen: %q: accepted is host:port or :port", c.Listen)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("turn.listen: %q: accepted ports are 0 to 65535", c.Listen)
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		return fmt.Errorf("turn.listen: %q: accepted hosts are IP addresses and nothing (all interfaces)", c.Listen)
	}
	if c.Realm == "" {
		return errors.New(`turn.realm: "": accepted is any name, such as azulejo`)
	}
	return nil
}

func (c Config) checkExternal() error {
	var errs []error
	for i, u := range c.External {
		scheme, rest, _ := strings.Cut(u, ":")
		host, query, queried := strings.Cut(rest, "?")
		transport, named := strings.CutPrefix(query, "transport=")
		switch {
		case scheme != "turn" && scheme != "turns", host == "", strings.HasPrefix(host, "//"),
			queried && (!named || transport != "udp" && transport != "tcp"):
			errs = append(errs, fmt.Errorf("turn.external[%d]: %q: accepted is turn:HOST:PORT or turns:HOST:PORT, with ?transport=udp or ?transport=tcp", i, u))
		}
	}
	return errors.Join(errs...)
}

func (c Config) checkSecret() error {
	switch {
	case c.Secret == "" && len(c.External) > 0:
		return errors.New("turn.secret: empty with turn.external: accepted is the secret those servers have (coturn: static-auth-secret)")
	case c.Secret != "" && len(c.Secret) < leastSecret:
		return fmt.Errorf("turn.secret: %d characters: accepted are %d or more", len(c.Secret), leastSecret)
	}
	return nil
}

func (c Config) checkAddresses() error {
	var errs []error
	for i, ip := range c.PublicIPs {
		if a, err := netip.ParseAddr(ip); err != nil || a.IsUnspecified() {
			errs = append(errs, fmt.Errorf("turn.public_ips[%d]: %q: accepted are IPv4 and IPv6 addresses", i, ip))
		}
	}
	for i, p := range c.AllowPeers {
		if _, err := netip.ParsePrefix(p); err != nil {
			errs = append(errs, fmt.Errorf("turn.allow_peers[%d]: %q: accepted are prefixes such as 10.0.0.0/8 and fd00::/8", i, p))
		}
	}
	return errors.Join(errs...)
}

func (c Config) checkBounds() error {
	var errs []error
	if _, _, err := c.relayPorts(); err != nil {
		errs = append(errs, err)
	}
	if c.Lifetime != 0 && (c.Lifetime < leastLifetime || c.Lifetime > mostLifetime) {
		errs = append(errs, fmt.Errorf("turn.lifetime: %v: accepted are %v to %v", c.Lifetime, leastLifetime, mostLifetime))
	}
	if c.Bitrate != 0 && c.Bitrate < leastBitrate {
		errs = append(errs, fmt.Errorf("turn.bitrate: %d: accepted are %d or more bits a second", c.Bitrate, leastBitrate))
	}
	return errors.Join(errs...)
}

// relayPorts returns the first and the last port of the range.
func (c Config) relayPorts() (uint16, uint16, error) {
	text := c.RelayPorts
	if text == "" {
		text = DefaultRelayPorts
	}
	low, high, _ := strings.Cut(text, "-")
	first, err := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if err != nil || err2 != nil || first < 1024 || last < first {
		return 0, 0, fmt.Errorf("turn.relay_ports: %q: accepted is a range within 1024-65535, such as %s", text, DefaultRelayPorts)
	}
	return uint16(first), uint16(last), nil
}

func (c Config) lifetime() time.Duration {
	if c.Lifetime == 0 {
		return DefaultLifetime
	}
	return c.Lifetime
}

// bytesPerSecond returns the limit of one client in each direction, in bytes a second.
func (c Config) bytesPerSecond() int {
	if c.Bitrate == 0 {
		return DefaultBitrate / 8
	}
	return c.Bitrate / 8
}
