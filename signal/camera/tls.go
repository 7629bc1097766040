package camera

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// certificateError says that the certificate of a camera is not trusted.
type certificateError struct {
	fingerprint string // of the certificate
	err         error
}

func (e *certificateError) Error() string { return e.err.Error() }

// Unwrap returns what is wrong with the certificate.
func (e *certificateError) Unwrap() error { return e.err }

var errFingerprint = errors.New("the certificate is not the one that tls.fingerprint names")

// client returns the TLS configuration for a connection to host. It checks certificates itself, so that the error knows the
// certificate.
func (c TLSConfig) client(host string) (*tls.Config, error) {
	pinned, err := c.pinned()
	if err != nil {
		return nil, err
	}
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	verify := func(s tls.ConnectionState) error {
		leaf := s.PeerCertificates[0]
		sum := sha256.Sum256(leaf.Raw)
		switch {
		case c.Insecure || len(pinned) > 0 && bytes.Equal(sum[:], pinned):
			return nil
		case len(pinned) > 0:
			return &certificateError{fingerprint(sum), errFingerprint}
		}
		if err := verifyChain(s.PeerCertificates, roots, host); err != nil {
			return &certificateError{fingerprint(sum), err}
		}
		return nil
	}
	return &tls.Config{ServerName: host, InsecureSkipVerify: true, VerifyConnection: verify}, nil
}

// verifyChain checks a chain of certificates, leaf first. roots are the accepted authorities; nil: those of the system.
func verifyChain(chain []*x509.Certificate, roots *x509.CertPool, host string) error {
	options := x509.VerifyOptions{Roots: roots, DNSName: host, Intermediates: x509.NewCertPool()}
	for _, intermediate := range chain[1:] {
		options.Intermediates.AddCert(intermediate)
	}
	_, err := chain[0].Verify(options)
	return err
}

// fingerprint formats a SHA-256 as people compare it: AB:CD:….
func fingerprint(sum [sha256.Size]byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}
