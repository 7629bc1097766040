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
	if origin == "" || slices.Contains(g.origins, "*") || slices.Contains(g.origins, strings.ToLower(origin)) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// Origins are those of the configuration, in lower case; the caller may keep them.
func (g *Guard) Origins() []string { return slices.Clone(g.origins) }
