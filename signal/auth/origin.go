package auth

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// AllowsOrigin tells whether the page that a request comes from is one of ours or of the list, or no page at all:
// clients that are no browsers send no Origin (RFC 6454, section 7), and browsers cannot be made to leave it out.
func (g *Guard) AllowsOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(g.origins, "*") || slices.Contains(g.origins, normal(origin)) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && normal(origin) == normal(u.Scheme+"://"+r.Host)
}

// AllowsHost tells whether the server goes by the name that a request calls it: a local one goes by localhost, by
// addresses, which nobody can make up, and by the hosts of the list.
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

// normal is how a browser writes an origin: in lower case, without the port that its scheme has anyway.
func normal(origin string) string {
	origin = strings.ToLower(origin)
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if strings.HasPrefix(origin, scheme) {
			return strings.TrimSuffix(origin, port)
		}
	}
	return origin
}

// Origins are those of the configuration, in lower case; the caller may keep them.
func (g *Guard) Origins() []string { return slices.Clone(g.origins) }
