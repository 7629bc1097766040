package camera

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
)

// Config holds a camera's name and room, and where its media come from.
type Config struct {
	Room      string
	Name      string
	URL       string    // "rtsp://…", "rtsps://…", "file:PATH" or "test:[?w&h&fps&tone&hue]"
	SubURL    string    // a smaller version of the same video, pulled instead of URL while it is large enough; may be empty
	Transport string    // of RTP: "auto", "tcp" or "udp"; empty means auto
	TLS       TLSConfig // of rtsps URLs
	Audio     AudioMode // what happens to the camera's audio; empty means AudioFalse
	Logins    *Logins   // limits logins with a wrong password; shared by all cameras and probes; nil: no limit
	// FrozenAfter is how long the frames may stay the same until the camera counts as frozen; zero: it never does.
	FrozenAfter time.Duration
}

// AudioMode says what happens to the audio of a camera.
type AudioMode string

// The modes of a camera's audio. The empty mode is AudioFalse.
const (
	AudioFalse AudioMode = "false" // pulled, and heard only where the camera is large
	AudioTrue  AudioMode = "true"  // pulled, and heard in the common mix too
	AudioNever AudioMode = "never" // not pulled
)

// pulled tells whether the audio track is set up.
func (m AudioMode) pulled() bool { return m != AudioNever }

// mixed tells whether the audio is part of the common mix.
func (m AudioMode) mixed() bool { return m == AudioTrue }

// validate returns an error that names what is accepted.
func (m AudioMode) validate() error {
	switch m {
	case "", AudioFalse, AudioTrue, AudioNever:
		return nil
	}
	return fmt.Errorf("audio: %q: accepted are false, true and never", string(m))
}

// The values of Config.Transport.
const (
	TransportAuto = "auto" // RTP inside the RTSP connection, or over UDP when the camera refuses that
	TransportTCP  = "tcp"  // RTP inside the RTSP connection
	TransportUDP  = "udp"  // RTP over UDP
)

// TLSConfig says which certificates of a camera are trusted. The zero value trusts what the system trusts. At most one
// field may be set.
type TLSConfig struct {
	Fingerprint string // SHA-256 of the only accepted certificate, in hex, with or without colons
	CA          string // name of a PEM file with the accepted certificate authorities
	Insecure    bool   // every certificate is accepted
}

// Validate returns an error with a line for each wrong value. The line starts with the key of the value, such as sub_url, and
// says what is accepted. Validate reads the file of TLS.CA.
func (c Config) Validate() error {
	var errs []error
	for i, raw := range c.urls() {
		if _, err := c.parse(raw); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", [...]string{"url", "sub_url"}[i], err))
		}
	}
	if !slices.Contains([]string{"", TransportAuto, TransportTCP, TransportUDP}, c.Transport) {
		errs = append(errs, fmt.Errorf("transport: %q: accepted are auto, tcp, udp", c.Transport))
	}
	errs = append(errs, c.Audio.validate())
	if c.Transport == TransportUDP && slices.ContainsFunc(c.urls(), func(url string) bool { return strings.HasPrefix(url, "rtsps:") }) {
		errs = append(errs, errors.New("transport: udp with an rtsps URL would send the media without encryption: accepted are auto, tcp"))
	}
	if err := c.TLS.validate(); err != nil {
		errs = append(errs, fmt.Errorf("tls.%w", err))
	}
	return errors.Join(errs...)
}

func (c TLSConfig) validate() error {
	set := 0
	for _, is := range []bool{c.Fingerprint != "", c.CA != "", c.Insecure} {
		if is {
			set++
		}
	}
	if set > 1 {
		return errors.New("fingerprint, ca, insecure: accepted is one of them at most")
	}
	if _, err := c.pinned(); err != nil {
		return err
	}
	_, err := c.roots()
	return err
}

// pinned returns the SHA-256 of the only accepted certificate; nil if there is no such limit.
func (c TLSConfig) pinned() ([]byte, error) {
	sum, err := hex.DecodeString(strings.ReplaceAll(c.Fingerprint, ":", ""))
	if err != nil || len(sum) != 0 && len(sum) != 32 {
		return nil, fmt.Errorf("fingerprint: %q: accepted are the 64 hex digits of a SHA-256, with or without colons", c.Fingerprint)
	}
	return sum, nil
}

// roots returns the accepted certificate authorities; nil for those of the system.
func (c TLSConfig) roots() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w; accepted is a PEM file", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca: %q has no certificate; accepted is a PEM file", c.CA)
	}
	return pool, nil
}

// urls returns the URLs of the streams in the order of the mixer's layers, the largest first.
func (c Config) urls() []string {
	if c.SubURL == "" {
		return []string{c.URL}
	}
	return []string{c.URL, c.SubURL}
}

// parse parses a URL by its scheme. It accesses neither disk nor network.
func (c Config) parse(raw string) (input, error) {
	scheme, rest, _ := strings.Cut(raw, ":")
	switch scheme {
	case "rtsp", "rtsps":
		u, err := base.ParseURL(raw)
		if err != nil || u.Hostname() == "" || cutInPassword(u, rest) {
			return input{}, fmt.Errorf("%s: accepted is %s://[USER:PASSWORD@]HOST[:PORT]/PATH%s", redact(raw), scheme, encodingHint(rest))
		}
		return input{rtsp: &rtspFeed{url: u, transport: c.Transport, tls: c.TLS, audio: c.Audio.pulled(), logins: c.Logins, patience: usualPatience}}, nil
	case "file", "test":
		spec, err := mixer.ParseFeed(c.Name, raw)
		return input{spec: spec}, err
	}
	return input{}, fmt.Errorf("%q: accepted are rtsp://HOST/PATH, rtsps://HOST/PATH, file:PATH and test:[?w=640&h=360&fps=15&tone=440&hue=210]", redact(raw))
}

// cutInPassword tells whether a URL was probably cut within its password, at a character that needs percent-encoding: it has an
// @, but not where user and password are, and its host is one word with a port, such as in rtsp://admin:12/3@192.0.2.10/stream.
func cutInPassword(u *base.URL, rest string) bool {
	host := u.Hostname()
	return u.User == nil && strings.Contains(rest, "@") && strings.Contains(u.Host, ":") && !strings.ContainsAny(host, ".:") && host != "localhost"
}

// encodingHint returns a sentence about percent-encoding if the credentials of a URL have characters that need it. rest is
// the URL without its scheme.
func encodingHint(rest string) string {
	if i := strings.LastIndex(rest, "@"); i < 0 || !strings.ContainsAny(strings.TrimPrefix(rest[:i], "//"), "#/?%") {
		return ""
	}
	return "; in the user and the password, # / ? % must be percent-encoded: %23 %2F %3F %25"
}

// redact removes everything up to the last @, where the user and the password of a URL are.
func redact(raw string) string {
	return raw[strings.LastIndex(raw, "@")+1:]
}
