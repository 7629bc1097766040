package whip

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strings"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
)

// routes are all there is, by the pattern of the mux.
func (h *Handler) routes() map[string]resource {
	session := resource{do: methods{http.MethodPatch: h.patch, http.MethodDelete: h.end}, header: "Accept-Patch", accepts: typeFragment}
	return map[string]resource{
		"/":                             {},
		"/whip/{room}/{name}":           {methods{http.MethodPost: h.publish}, "Accept-Post", typeSDP},
		"/whep/{room}":                  {methods{http.MethodPost: h.watch}, "Accept-Post", typeSDP},
		"/whip/{room}/{name}/{session}": session,
		"/whep/{room}/{session}":        session,
		"/whep/{room}/{session}/events": {methods{http.MethodGet: h.events, http.MethodPost: h.subscribe}, "Accept-Post", typeJSON},
		"/whep/{room}/{session}/view":   {methods{http.MethodPost: h.view}, "Accept-Post", typeJSON},
	}
}

// resource is one kind of what has an address.
type resource struct {
	do              methods // nil: there is none
	header, accepts string  // which header tells that it takes which type
}

// methods are what a resource does; an error is answered by who calls them.
type methods map[string]func(http.ResponseWriter, *http.Request) error

// names are the methods in a fixed order, OPTIONS last.
func (m methods) names() string {
	return strings.Join(append(slices.Sorted(maps.Keys(m)), http.MethodOptions), ", ")
}

// door is what all requests pass: the check of the page they come from, OPTIONS, and unknown methods, which are
// reserved for what the protocols may become.
func (h *Handler) door(to resource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.pass(to, w, r); err != nil {
			refuse(w, err, h.log)
		}
	})
}

func (h *Handler) pass(to resource, w http.ResponseWriter, r *http.Request) error {
	if err := h.origin(w, r); err != nil {
		return err
	}
	switch do := to.do[r.Method]; {
	case to.do == nil:
		return refusal.New(codeNotFound, "there is nothing at %s; accepted are /whip/{room}/{name} and /whep/{room}", r.URL.Path)
	case do != nil:
		return do(w, r)
	case r.Method == http.MethodOptions:
		options(w.Header(), to)
		if to.accepts == typeSDP {
			h.tellServers(w.Header(), r)
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
	w.Header().Set("Allow", to.do.names())
	return refusal.New(codeMethod, "%s is not possible here; accepted: %s", r.Method, to.do.names())
}

// origin lets pages of the origins that the guard allows read the answers, and no others ask at all.
func (h *Handler) origin(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if !h.guard.AllowsOrigin(r) {
		return refusal.New(auth.CodeForbidden, "a page of %s; accepted are pages of this server, and of auth.origins", origin)
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate")
	return nil
}

// options answers what a resource can do, and what a browser asks before it does anything (CORS preflight).
func options(header http.Header, of resource) {
	header.Set("Allow", of.do.names())
	header.Set("Access-Control-Allow-Methods", of.do.names())
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	header.Set("Access-Control-Max-Age", "600")
	if of.header != "" {
		header.Set(of.header, of.accepts)
	}
}

// tellServers tells the ICE servers before there is a session to who may begin one here: a client that knows them early
// can use them in its first offer. They have credentials of a client's own, so it counts as a join. A preflight is about no
// client yet, and shows no token.
func (h *Handler) tellServers(header http.Header, r *http.Request) {
	if r.Header.Get("Access-Control-Request-Method") != "" {
		return
	}
	grant := auth.View
	if r.PathValue("name") != "" {
		grant = auth.Publish
	}
	if _, err := h.admit(r, grant, true); err != nil {
		return // the POST says why
	}
	header.Set("Cache-Control", "no-store")
	linkServers(header, h.engine.ICEServers(rand.Text()))
}
