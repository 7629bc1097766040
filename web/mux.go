package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
)

// guardedMux is a mux that accepts only patterns of the routeTable. Before it calls the handler of a route that needs a
// permission, it checks the permission with the guard.
type guardedMux struct {
	mux     *http.ServeMux
	guard   *auth.Guard
	pages   *pages
	log     *slog.Logger
	routes  map[string]route
	unknown []error // from Handle: patterns that are not in the table

	fileWithin time.Duration // as in Config
}

// newGuardedMux makes a mux without handlers.
func newGuardedMux(cfg Config, p *pages) *guardedMux {
	m := &guardedMux{mux: http.NewServeMux(), guard: cfg.Guard, pages: p, log: cfg.Log, routes: map[string]route{}, fileWithin: cfg.FileWithin}
	for _, d := range routeTable(p.static()) {
		m.routes[d.pattern] = d
	}
	return m
}

// Handle registers h for a pattern of the table. If the pattern is not in the table, Handle stores an error for err.
func (m *guardedMux) Handle(pattern string, h http.Handler) {
	d, ok := m.routes[pattern]
	if !ok {
		m.unknown = append(m.unknown, fmt.Errorf("route %q is not in the table of routes", pattern))
		return
	}
	switch d.access {
	case page:
		m.mux.Handle(pattern, m.withDeadline(m.guarded(d, h)))
	case api:
		m.mux.Handle(pattern, m.guarded(d, h))
	case open:
		m.mux.Handle(pattern, m.withDeadline(h))
	case handlerChecks:
		m.mux.Handle(pattern, h)
	}
}

// withDeadline returns a handler that calls h with a deadline for sending the answer. Without it, a client that does
// not read could hold a connection for ever.
func (m *guardedMux) withDeadline(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(m.fileWithin)) // fails only for httptest.ResponseRecorder
		h.ServeHTTP(w, r)
		_ = control.Flush()
		_ = control.SetWriteDeadline(time.Time{}) // or else this deadline would hold for the next request on the connection
	})
}

// HandleFunc does the same as Handle for a function. huma needs this method.
func (m *guardedMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(h))
}

// err returns the errors of all calls of Handle.
func (m *guardedMux) err() error { return errors.Join(m.unknown...) }

// ServeHTTP calls the handler of the route.
func (m *guardedMux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// guarded returns a handler that calls h for the requests that the guard admits, and refuses the others.
func (m *guardedMux) guarded(d route, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := m.guard.Admit(d.request(r)); err != nil {
			m.log.Debug("request refused", "remote", r.RemoteAddr, "path", r.URL.Path, "error", err)
			m.refuse(w, d, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// refuse answers with the reason for which the guard refuses the request.
func (m *guardedMux) refuse(w http.ResponseWriter, d route, err error) {
	status := auth.Answer(w.Header(), err)
	var refused *refusal.Error
	switch {
	case status == 0 || !errors.As(err, &refused): // err is a failure of the server
		problem(w, http.StatusInternalServerError, "whether this is allowed cannot be told now")
	case d.access == page:
		m.pages.refused(w, status, refused.Message)
	default:
		problem(w, status, refused.Message)
	}
}
