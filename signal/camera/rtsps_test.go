package camera

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
)

// selfSigned returns a certificate for a host that is signed by itself.
func selfSigned(t *testing.T, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cam"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// pemFile writes a certificate to a file and returns its name.
func pemFile(t *testing.T, c tls.Certificate) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestRTSPS: which certificates are trusted. The failure of one that is not shows the fingerprint that would pin it.
func TestRTSPS(t *testing.T) {
	t.Parallel()
	certificate, other := selfSigned(t, "127.0.0.1"), selfSigned(t, "127.0.0.1")
	named := selfSigned(t, "elsewhere.example")
	sum, otherSum := sha256.Sum256(certificate.Certificate[0]), sha256.Sum256(other.Certificate[0])
	pin := hex.EncodeToString(sum[:])
	for name, c := range map[string]struct {
		certificate tls.Certificate
		tls         TLSConfig
		detail      string // empty: the camera plays
	}{
		"nothing configured":      {certificate, TLSConfig{}, fingerprint(sum)},
		"fingerprint":             {certificate, TLSConfig{Fingerprint: pin}, ""},
		"fingerprint with colons": {certificate, TLSConfig{Fingerprint: fingerprint(sum)}, ""},
		"fingerprint in capitals": {certificate, TLSConfig{Fingerprint: strings.ToUpper(pin)}, ""},
		"another fingerprint":     {certificate, TLSConfig{Fingerprint: fingerprint(otherSum)}, fingerprint(sum)},
		"fingerprint, wrong name": {named, TLSConfig{Fingerprint: fingerprint(sha256.Sum256(named.Certificate[0]))}, ""},
		"ca":                      {certificate, TLSConfig{CA: pemFile(t, certificate)}, ""},
		"another ca":              {certificate, TLSConfig{CA: pemFile(t, other)}, fingerprint(sum)},
		"ca, wrong name":          {named, TLSConfig{CA: pemFile(t, named)}, "certificate"},
		"insecure":                {named, TLSConfig{Insecure: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := (&cameratest.Camera{Stream: film(t, mixer.H264), TLS: &tls.Config{Certificates: []tls.Certificate{c.certificate}}}).Start(t)
			r := newTrial(t, Config{TLS: c.tls}, cam.URL())
			err := r.run(t, keyframeCame)
			var f *Failure
			switch {
			case c.detail == "" && (err != nil || !keyframeCame(r)):
				t.Errorf("no picture: %v", err)
			case c.detail != "" && (!errors.As(err, &f) || f.Reason != mixer.ReasonCertificate || !strings.Contains(f.Detail, c.detail)):
				t.Errorf("%v; want %q", err, c.detail)
			}
		})
	}
}
