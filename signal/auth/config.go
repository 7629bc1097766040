package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// The modes.
const (
	ModeNone  = "none"  // everybody may do everything
	ModeToken = "token" // nobody may do anything without a token
)

// MinSecret is the least number of bytes of a secret. It is the number of bytes of the hash (RFC 7518, section 3.2).
const MinSecret = 32

// Defaults of the rates. They are high, because all clients behind one NAT or one proxy have the same address.
const (
	DefaultJoins    = 1200
	DefaultFailures = 120
)

const maxRate = 1_000_000

// Secret is a text that is formatted and logged as "(secret)".
type Secret string

// String hides the secret from fmt.
func (Secret) String() string { return "(secret)" }

// GoString hides it from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides it from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Config of a Guard; its zero value admits everybody, at the default rates.
type Config struct {
	Mode   string // ModeNone when empty
	Secret Secret // of ModeToken: at least MinSecret bytes, random ones

	// Origins are the origins of pages that may use this server, such as "https://example.org" or
	// "https://example.org:8443"; "*" allows all. Pages of the server's own host may always use it.
	Origins []string

	// Local restricts the server to this machine. The server then refuses requests whose host is neither a name of this
	// machine nor in Origins. Otherwise any web page could reach the server by a DNS name that resolves to its address
	// (DNS rebinding).
	Local bool

	// JoinsPerMinute and FailuresPerMinute limit the joins and the failures of each client address, and are also the
	// bursts. Zero means the default. A failure is a request without a valid token.
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

// validOrigin tells whether s is an origin as browsers write it (RFC 6454, section 6.2), or "*".
func validOrigin(s string) bool {
	if s == "*" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && strings.EqualFold(s, u.Scheme+"://"+u.Host)
}
