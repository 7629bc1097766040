package camera

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

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
	Audio     bool      // the camera's audio is mixed too
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

// Validate returns an error that names the first wrong value and what is accepted. It reads the file of TLS.CA.
func (c Config) Validate() error {
	for i, raw := range c.urls() {
		if _, err := c.parse(raw); err != nil {
			return fmt.Errorf("camera %s: %s: %w", c.Name, [...]string{"url", "sub_url"}[i], err)
		}
	}
	if !slices.Contains([]string{"", TransportAuto, TransportTCP, TransportUDP}, c.Transport) {
		return fmt.Errorf("camera %s: transport %q: accepted are auto, tcp, udp", c.Name, c.Transport)
	}
	if c.Transport == TransportUDP && slices.ContainsFunc(c.urls(), func(url string) bool { return strings.HasPrefix(url, "rtsps:") }) {
		return fmt.Errorf("camera %s: transport udp with an rtsps URL would send the media without encryption: accepted are auto, tcp", c.Name)
	}
	if err := c.TLS.validate(); err != nil {
		return fmt.Errorf("camera %s: tls.%w", c.Name, err)
	}
	return nil
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
		if err != nil || u.Hostname() == "" {
			return input{}, fmt.Errorf("%s: accepted is %s://[USER:PASSWORD@]HOST[:PORT]/PATH%s", redact(raw), scheme, encodingHint(rest))
		}
		return input{rtsp: &rtspFeed{url: u, transport: c.Transport, tls: c.TLS, audio: c.Audio, patience: usualPatience}}, nil
	case "file", "test":
		spec, err := mixer.ParseFeed(c.Name, raw)
		return input{spec: spec}, err
	}
	return input{}, fmt.Errorf("%q: accepted are rtsp://HOST/PATH, rtsps://HOST/PATH, file:PATH and test:[?w=640&h=360&fps=15&tone=440&hue=210]", redact(raw))
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
