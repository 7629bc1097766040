package auth

import (
	"net/http"
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
