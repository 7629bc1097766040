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

// gate is a mux that registers only the routes of the table, and asks the guard for those that need a permission.
type gate struct {
	mux    *http.ServeMux
	guard  *auth.Guard
	pages  *pages
	log    *slog.Logger
	routes map[string]route
	wrong  []error // patterns that are not in the table

	fileWithin time.Duration
}

func newGate(cfg Config, p *pages) *gate {
	g := &gate{mux: http.NewServeMux(), guard: cfg.Guard, pages: p, log: cfg.Log, routes: map[string]route{}, fileWithin: cfg.FileWithin}
	for _, d := range routeTable(p.static()) {
		g.routes[d.pattern] = d
	}
	return g
}

// Handle registers h for a pattern of the table. A pattern that is not in the table is an error, which err returns.
func (g *gate) Handle(pattern string, h http.Handler) {
	d, ok := g.routes[pattern]
	if !ok {
		g.wrong = append(g.wrong, fmt.Errorf("route %q is not in the table of routes", pattern))
		return
	}
	switch d.access {
	case page:
		g.mux.Handle(pattern, g.limited(g.guarded(d, h)))
	case api:
		g.mux.Handle(pattern, g.guarded(d, h))
	case open:
		g.mux.Handle(pattern, g.limited(h))
	case own:
		g.mux.Handle(pattern, h)
	}
}

// limited sets a deadline for the answer of h: a client that does not read cannot hold a connection for ever.
func (g *gate) limited(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(g.fileWithin)) // an error means a test without a connection
		h.ServeHTTP(w, r)
		_ = control.Flush()
		_ = control.SetWriteDeadline(time.Time{}) // the next request on the connection has its own deadline
	})
}

// HandleFunc registers a function; huma calls it.
func (g *gate) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	g.Handle(pattern, http.HandlerFunc(h))
}

func (g *gate) err() error { return errors.Join(g.wrong...) }

// ServeHTTP calls the handler of the route.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// guarded calls h for the requests that the guard admits, and refuses the others.
func (g *gate) guarded(d route, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := g.guard.Admit(d.request(r)); err != nil {
			g.log.Debug("request refused", "remote", r.RemoteAddr, "path", r.URL.Path, "error", err)
			g.refuse(w, d, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// refuse answers with the reason of the guard.
func (g *gate) refuse(w http.ResponseWriter, d route, err error) {
	status := auth.Answer(w.Header(), err)
	var refused *refusal.Error
	switch {
	case status == 0 || !errors.As(err, &refused): // not a refusal of the guard
		problem(w, http.StatusInternalServerError, "whether this is allowed cannot be told now")
	case d.access == page:
		g.pages.refused(w, status, refused.Message)
	default:
		problem(w, status, refused.Message)
	}
}
