package auth

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// AllowsOrigin tells whether the header Origin of a request is allowed (RFC 6454, section 7). Allowed are the server's own
// host, the origins of the Config, and requests without an Origin, because only browsers send this header. A web page
// cannot make its browser omit the header.
func (g *Guard) AllowsOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(g.origins, "*") || slices.Contains(g.origins, normal(origin)) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && normal(origin) == normal(u.Scheme+"://"+r.Host)
}

// AllowsHost tells whether the header Host of a request is allowed. Without Config.Local any host is allowed. With
// Config.Local, only localhost, IP addresses and the hosts of the allowed origins are. IP addresses are safe, because DNS
// rebinding needs a name.
func (g *Guard) AllowsHost(r *http.Request) bool {
	u := url.URL{Host: strings.ToLower(r.Host)}
	name := strings.TrimSuffix(u.Hostname(), ".")
	if !g.local || name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(g.origins, "*") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.ContainsFunc(g.origins, func(origin string) bool {
		allowed, err := url.Parse(origin)
		return err == nil && allowed.Hostname() == name
	})
}

// normal returns an origin in the form that browsers send: in lower case, without the default port of its scheme.
func normal(origin string) string {
	origin = strings.ToLower(origin)
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if strings.HasPrefix(origin, scheme) {
			return strings.TrimSuffix(origin, port)
		}
	}
	return origin
}

// Origins returns the allowed origins, in lower case. The caller owns the slice.
func (g *Guard) Origins() []string { return slices.Clone(g.origins) }
