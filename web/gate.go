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

// gate is a mux on which nothing can be registered without a door, and that asks the guard where the door says so.
type gate struct {
	mux   *http.ServeMux
	guard *auth.Guard
	pages *pages
	log   *slog.Logger
	doors map[string]door
	wrong []error // patterns that have no door

	fileWithin time.Duration
}

func newGate(cfg Config, p *pages) *gate {
	g := &gate{mux: http.NewServeMux(), guard: cfg.Guard, pages: p, log: cfg.Log, doors: map[string]door{}, fileWithin: cfg.FileWithin}
	for _, d := range doors(p.static()) {
		g.doors[d.pattern] = d
	}
	return g
}

// Handle registers h behind its door; err tells afterwards whether all had one.
func (g *gate) Handle(pattern string, h http.Handler) {
	d, ok := g.doors[pattern]
	if !ok {
		g.wrong = append(g.wrong, fmt.Errorf("route %q has no door; accepted are those of the table", pattern))
		return
	}
	switch d.rule {
	case page:
		g.mux.Handle(pattern, g.hurried(g.behind(d, h)))
	case api:
		g.mux.Handle(pattern, g.behind(d, h))
	case open:
		g.mux.Handle(pattern, g.hurried(h))
	case own:
		g.mux.Handle(pattern, h)
	}
}

// hurried gives h's answer a time by which it has left: strangers who do not read hold no connection for ever.
func (g *gate) hurried(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(g.fileWithin)) // tests without a connection have none
		h.ServeHTTP(w, r)
		_ = control.Flush()
		_ = control.SetWriteDeadline(time.Time{}) // the next request on the connection has its own time
	})
}

// HandleFunc is what huma registers with.
func (g *gate) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	g.Handle(pattern, http.HandlerFunc(h))
}

func (g *gate) err() error { return errors.Join(g.wrong...) }

// ServeHTTP serves what has a route.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// behind lets only those through to h whom the guard admits.
func (g *gate) behind(d door, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := g.guard.Admit(d.ask(r)); err != nil {
			g.log.Debug("request refused", "remote", r.RemoteAddr, "path", r.URL.Path, "error", err)
			g.refuse(w, d, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// refuse tells why not.
func (g *gate) refuse(w http.ResponseWriter, d door, err error) {
	status := auth.Answer(w.Header(), err)
	var no *refusal.Error
	switch {
	case status == 0 || !errors.As(err, &no): // the guard says nothing else
		problem(w, http.StatusInternalServerError, "whether this is allowed cannot be told now")
	case d.rule == page:
		g.pages.refused(w, status, no.Message)
	default:
		problem(w, status, no.Message)
	}
}
