package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// The values of Config.Mode.
const (
	ModeNone  = "none"  // all clients may do everything
	ModeToken = "token" // every request needs a token
)

// MinSecret is the smallest allowed size of a secret, in bytes. HS256 requires a key of at least the size of its hash (RFC
// 7518, section 3.2).
const MinSecret = 32

// Defaults of the rates, per minute. They are high, because all clients behind one NAT or one proxy have the same address.
const (
	DefaultJoins    = 1200
	DefaultFailures = 120
)

const maxRate = 1_000_000 // the largest accepted rate, per minute

// Secret is a text that is formatted and logged as "(secret)".
type Secret string

// String hides the secret from fmt.
func (Secret) String() string { return "(secret)" }

// GoString hides it from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides it from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Config configures a Guard. The zero value admits all clients, at the default rates.
type Config struct {
	Mode   string // empty: ModeNone
	Secret Secret // for ModeToken: at least MinSecret random bytes

	// Origins are the origins of the web pages that may use this server, such as "https://example.org" or
	// "https://example.org:8443". "*" allows all origins. Pages of the server's own host may always use the server.
	Origins []string

	// Local protects a server that only this machine should use from DNS rebinding: a web page could reach such a server by a
	// DNS name that resolves to a local address. If Local is set, [Guard.AllowsHost] checks the Host of each request.
	Local bool

	// JoinsPerMinute and FailuresPerMinute limit the joins and the failures of each network (see [network.Of]). A failure
	// is a request without a valid token. Each number is also the burst of its rate. Zero means the default.
	JoinsPerMinute, FailuresPerMinute int
}

// Validate returns an error with a line for each bad field. The line names the field and what it accepts.
func (c Config) Validate() error {
	var errs []error
	if c.Mode != "" && c.Mode != ModeNone && c.Mode != ModeToken {
		errs = append(errs, fmt.Errorf("auth.mode: %q: accepted are %s, %s", c.Mode, ModeNone, ModeToken))
	}
	if n := len(c.Secret); c.Mode == ModeToken && n < MinSecret {
		errs = append(errs, fmt.Errorf("auth.secret: %d bytes: accepted are %d or more, such as those of: openssl rand -hex 32", n, MinSecret))
	}
	for i, origin := range c.Origins {
		if !validOrigin(origin) {
			errs = append(errs, fmt.Errorf("auth.origins[%d]: %q: accepted are * and origins such as https://example.org or https://example.org:8443", i, origin))
		}
	}
	if n := c.JoinsPerMinute; n < 0 || n > maxRate {
		errs = append(errs, fmt.Errorf("limits.joins_per_minute: %d: accepted are 1 to %d", n, maxRate))
	}
	if n := c.FailuresPerMinute; n < 0 || n > maxRate {
		errs = append(errs, fmt.Errorf("limits.failures_per_minute: %d: accepted are 1 to %d", n, maxRate))
	}
	return errors.Join(errs...)
}

// validOrigin tells whether s is "*" or an origin in the form that browsers send (RFC 6454, section 6.2).
func validOrigin(s string) bool {
	if s == "*" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && strings.EqualFold(s, u.Scheme+"://"+u.Host)
}
