package whip

import (
	"net/http"
	"net/url"
	"strings"

	"azulejo/signal/peer"
)

// The name of the WHEP extension for events, and the names of the events.
const (
	relEvents  = "urn:ietf:params:whep:ext:core:server-sent-events"
	eventKinds = "layout,rendition,overload,participants,end"
)

// linkServers adds the STUN and TURN servers that a client should use (RFC 9725, section 4.6) as Link headers (RFC 8288).
func linkServers(h http.Header, servers []peer.ICEServer) {
	for _, s := range servers {
		for _, serverURL := range s.URLs {
			link := target(serverURL, "ice-server")
			if s.Username != "" || s.Credential != "" {
				link += "; username=" + quoted(s.Username) + "; credential=" + quoted(s.Credential) + `; credential-type="password"`
			}
			h.Add("Link", link)
		}
	}
}

// linkEvents adds the URL of a session's events, with the list of its events (WHEP draft), as a Link header.
func linkEvents(h http.Header, location string) {
	h.Add("Link", target(location+"/events", relEvents)+"; events="+quoted(eventKinds))
}

// target returns the beginning of a Link header: a URI and its relation.
func target(uri, rel string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20").Replace(uri) + ">; rel=" + quoted(rel)
}

// quoted returns s as a quoted-string (RFC 9110, section 5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// path returns the path that has these segments. It escapes each segment.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}
