package web

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// problem answers with problem details (RFC 9457), in the same form as the errors of huma.
func problem(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	body := &huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}
	_ = huma.DefaultJSONFormat.Marshal(w, body) // an error means that the client is gone
}

// answerNoRoute answers a request without a route. The status is 405 if the path has routes for other methods, otherwise
// 404.
func (s *Server) answerNoRoute(w http.ResponseWriter, r *http.Request) {
	if allow := s.allowed(r); len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		problem(w, http.StatusMethodNotAllowed, r.Method+" is not possible here; allowed: "+strings.Join(allow, ", "))
		return
	}
	if wantsPage(r) {
		s.pages.sendMissing(w)
		return
	}
	problem(w, http.StatusNotFound, "there is nothing at "+r.URL.Path)
}

// allowed returns the HTTP methods for which the path of r has a route.
func (s *Server) allowed(r *http.Request) []string {
	var allow []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		other := &http.Request{Method: method, Host: r.Host, URL: r.URL}
		if _, pattern := s.mux.mux.Handler(other); pattern != "" {
			allow = append(allow, method)
		}
	}
	return allow
}

// wantsPage tells whether the response should be an HTML page: the request accepts HTML and is not for the REST API.
func wantsPage(r *http.Request) bool {
	return !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}
