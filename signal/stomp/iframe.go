package stomp

import (
	_ "embed"
	"net/http"
	"regexp"
	"strings"
)

// Browsers that can neither use a WebSocket nor ask another origin put this page, which comes from ours, into a
// frame of theirs and talk to it. It loads sockjs-client in the version that they use.

//go:embed iframe.html
var iframePage string

//go:embed iframe.js
var iframeScript string

var (
	iframePath   = regexp.MustCompile(`^/iframe[0-9-.a-z_]*\.html$`)
	htmlfilePath = regexp.MustCompile(`^/[^/.]+/[^/.]+/htmlfile$`)
)

// frames answers for the page and its script, says who may frame what is for frames, and tells whether it has
// answered.
func (h *Handler) frames(w http.ResponseWriter, r *http.Request) bool {
	header := w.Header()
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	switch {
	case htmlfilePath.MatchString(path):
		// What is streamed to the page are scripts of one line, whose one string is escaped as JSON for HTML.
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
	_, _ = w.Write([]byte(text)) // a client that went away is no concern
	return true
}

// ancestors are the origins that may frame us: those that may use us otherwise.
func ancestors(origins []string) string {
	return "frame-ancestors " + strings.Join(append([]string{"'self'"}, origins...), " ")
}
