package stomp

import (
	_ "embed"
	"net/http"
	"regexp"
	"strings"
)

// The iframe page is a transport of SockJS for browsers that support neither WebSocket nor CORS. A web page of another
// origin embeds the iframe page and sends messages to it. The iframe page loads the same version of sockjs-client as the
// embedding page.

//go:embed iframe.html
var iframePage string

//go:embed iframe.js
var iframeScript string

var (
	iframePath   = regexp.MustCompile(`^/iframe[0-9-.a-z_]*\.html$`)
	htmlfilePath = regexp.MustCompile(`^/[^/.]+/[^/.]+/htmlfile$`)
)

// serveIframe serves the iframe page and its script. It also sets the Content-Security-Policy of the streams of the htmlfile
// transport, which browsers load in a frame too. It returns true if it has answered the request.
func (h *Handler) serveIframe(w http.ResponseWriter, r *http.Request) bool {
	header := w.Header()
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	switch {
	case htmlfilePath.MatchString(path):
		// The stream is a sequence of one-line scripts. The only string in each is JSON, escaped for HTML.
		header.Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; "+h.ancestors)
		return false
	case iframePath.MatchString(path):
		header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; "+h.ancestors)
		header.Set("Content-Type", "text/html; charset=utf-8")
		return answer(w, r, iframePage)
	case path == "/iframe.js":
		header.Set("Content-Type", "text/javascript; charset=utf-8")
		return answer(w, r, iframeScript)
	}
	return false
}

// answer answers a GET or HEAD request with a text, and refuses other methods. It always returns true.
func answer(w http.ResponseWriter, r *http.Request, text string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "allowed: GET, HEAD", http.StatusMethodNotAllowed)
		return true
	}
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write([]byte(text)) // fails only if the client has disconnected
	return true
}

// ancestors returns the CSP directive frame-ancestors. It allows pages of the server's own origin and of the given origins to
// embed a response.
func ancestors(origins []string) string {
	return "frame-ancestors " + strings.Join(append([]string{"'self'"}, origins...), " ")
}
