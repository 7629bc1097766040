package stomp

import (
	_ "embed"
	"net/http"
	"regexp"
	"strings"
)

// The iframe page is for browsers that support neither WebSocket nor CORS. A page of another origin embeds the iframe
// page in a frame and sends messages to it. The iframe page loads the version of sockjs-client that the embedding page
// uses.

//go:embed iframe.html
var iframePage string

//go:embed iframe.js
var iframeScript string

var (
	iframePath   = regexp.MustCompile(`^/iframe[0-9-.a-z_]*\.html$`)
	htmlfilePath = regexp.MustCompile(`^/[^/.]+/[^/.]+/htmlfile$`)
)

// serveIframe serves the iframe page and its script. It sets the Content-Security-Policy of every response that may be
// framed. It returns true if it has answered the request.
func (h *Handler) serveIframe(w http.ResponseWriter, r *http.Request) bool {
	header := w.Header()
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	switch {
	case htmlfilePath.MatchString(path):
		// The stream consists of scripts of one line each. Their only string is JSON, escaped for HTML.
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

func answer(w http.ResponseWriter, r *http.Request, text string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "allowed: GET, HEAD", http.StatusMethodNotAllowed)
		return true
	}
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write([]byte(text)) // a client that is gone reads nothing
	return true
}

// ancestors returns the CSP directive that lists the origins whose pages may frame a response: the server's own and the
// allowed ones.
func ancestors(origins []string) string {
	return "frame-ancestors " + strings.Join(append([]string{"'self'"}, origins...), " ")
}
