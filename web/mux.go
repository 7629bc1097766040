package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
)

// guardedMux is an http.ServeMux that checks permissions. It accepts only the patterns in routeTable. If a route needs a
// permission, the guard checks the permission before the handler is called.
type guardedMux struct {
	mux     *http.ServeMux
	guard   *auth.Guard
	pages   *pages
	log     *slog.Logger
	routes  map[string]route // by pattern
	unknown []error          // one for each call of Handle with a pattern that is not in routeTable

	fileWithin time.Duration // as in Config
}

// newGuardedMux returns a mux without handlers. The files of p are among its routes.
func newGuardedMux(cfg Config, p *pages) *guardedMux {
	m := &guardedMux{mux: http.NewServeMux(), guard: cfg.Guard, pages: p, log: cfg.Log, routes: map[string]route{}, fileWithin: cfg.FileWithin}
	for _, rt := range routeTable(p.static()) {
		m.routes[rt.pattern] = rt
	}
	return m
}

// Handle registers h for a pattern in routeTable. For another pattern it keeps an error, which the method err returns.
func (m *guardedMux) Handle(pattern string, h http.Handler) {
	rt, ok := m.routes[pattern]
	if !ok {
		m.unknown = append(m.unknown, fmt.Errorf("route %q is not in the table of routes", pattern))
		return
	}
	switch rt.access {
	case page:
		m.mux.Handle(pattern, m.withDeadline(m.guarded(rt, h)))
	case api:
		m.mux.Handle(pattern, m.guarded(rt, h))
	case open:
		m.mux.Handle(pattern, m.withDeadline(h))
	case handlerChecks:
		m.mux.Handle(pattern, h)
	}
}

// withDeadline returns a handler that calls h with a deadline for sending the response. Without the deadline, a client that
// does not read could hold a connection for ever.
func (m *guardedMux) withDeadline(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(m.fileWithin)) // fails only for httptest.ResponseRecorder
		h.ServeHTTP(w, r)
		_ = control.Flush()
		_ = control.SetWriteDeadline(time.Time{}) // the next request on the connection must not have this deadline
	})
}

// HandleFunc is Handle for a function. huma needs this method.
func (m *guardedMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(h))
}

// err returns the errors of all calls of Handle.
func (m *guardedMux) err() error { return errors.Join(m.unknown...) }

// ServeHTTP calls the handler of the route.
func (m *guardedMux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// guarded returns a handler that calls h if the guard admits the request. Otherwise it refuses the request.
func (m *guardedMux) guarded(rt route, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		permit, err := m.guard.Admit(rt.ask(r))
		if err != nil {
			m.log.Debug("request refused", "remote", r.RemoteAddr, "path", r.URL.Path, "error", err)
			m.refuse(w, rt, err)
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), permitKey{}, permit)))
	})
}

// permitKey is the key of the auth.Permit in the context of a request that the guard admitted.
type permitKey struct{}

// untilExpiry returns a context that ends with the request, or when the token of the request expires.
func untilExpiry(r *http.Request) (context.Context, context.CancelFunc) {
	if permit, ok := r.Context().Value(permitKey{}).(auth.Permit); ok && !permit.Expires.IsZero() {
		return context.WithDeadline(r.Context(), permit.Expires)
	}
	return context.WithCancel(r.Context())
}

// refuse answers a request that the guard does not admit. err is the error of the guard. The client gets its text only if
// err is a refusal.
func (m *guardedMux) refuse(w http.ResponseWriter, rt route, err error) {
	status := auth.Answer(w.Header(), err)
	var refused *refusal.Error
	switch {
	case status == 0 || !errors.As(err, &refused): // err is a failure of the server
		problem(w, http.StatusInternalServerError, "whether this is allowed cannot be told now")
	case rt.access == page:
		m.pages.sendRefused(w, status, refused.Message)
	default:
		problem(w, status, refused.Message)
	}
}
