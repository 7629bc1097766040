package rtsp

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// connectTimeout limits the TCP connection to one address of a host.
const connectTimeout = 2 * time.Second

// dial connects to the host of cfg.URL, with TLS if the URL wants it.
func dial(ctx context.Context, cfg Config) (net.Conn, error) {
	nc, err := connect(ctx, cfg.URL)
	if err != nil || cfg.URL.Scheme != "rtsps" {
		return nc, err
	}
	settings := cfg.TLS.Clone()
	if settings.ServerName == "" {
		settings.ServerName = cfg.URL.Hostname()
	}
	secure := tls.Client(nc, settings)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close() // nothing was sent
		return nil, err
	}
	return secure, nil
}

// connect makes a TCP connection. It looks up the name first, so that connectTimeout limits the connection to each address
// and not the lookup.
func connect(ctx context.Context, url *base.URL) (net.Conn, error) {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", url.Hostname())
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: connectTimeout}
	for _, a := range addresses {
		var nc net.Conn
		if nc, err = dialer.DialContext(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), portOf(url))); err == nil {
			return nc, nil
		}
	}
	return nil, err
}

// portOf returns the port of the URL, or the usual one of its scheme.
func portOf(url *base.URL) string {
	switch {
	case url.Port() != "":
		return url.Port()
	case url.Scheme == "rtsps":
		return "322"
	}
	return "554"
}
