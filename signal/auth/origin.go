package auth

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// AllowsOrigin tells whether a request comes from a page of the server's host, from a page of an allowed origin, or
// from no page. Clients other than browsers send no Origin (RFC 6454, section 7). A page cannot make its browser omit
// Origin.
func (g *Guard) AllowsOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(g.origins, "*") || slices.Contains(g.origins, normal(origin)) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && normal(origin) == normal(u.Scheme+"://"+r.Host)
}

// AllowsHost tells whether the Host of a request is one by which clients may address the server. Without Config.Local
// it may be any. With it, accepted are localhost, IP addresses, and the hosts of the allowed origins. DNS rebinding
// cannot use IP addresses.
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
		of, err := url.Parse(origin)
		return err == nil && of.Hostname() == name
	})
}

// normal returns an origin as browsers write it: in lower case, without the default port of its scheme.
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
