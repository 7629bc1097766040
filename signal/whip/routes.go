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

// routes returns all resources, by their patterns in the mux.
func (h *Handler) routes() map[string]resource {
	session := resource{do: methods{http.MethodPatch: h.patch, http.MethodDelete: h.remove}, header: "Accept-Patch", accepts: typeFragment}
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

// resource is what the server has at a path.
type resource struct {
	do              methods // nil: there is nothing at the path
	header, accepts string  // the header that announces the accepted type, and that type
}

// methods are the handlers of a resource, by HTTP method. Their caller answers with the error that they return.
type methods map[string]func(http.ResponseWriter, *http.Request) error

// names returns the methods in a fixed order, OPTIONS last.
func (m methods) names() string {
	return strings.Join(append(slices.Sorted(maps.Keys(m)), http.MethodOptions), ", ")
}

// handle returns the HTTP handler of a resource. It checks the origin of every request, answers OPTIONS, and refuses
// methods that the resource does not have. WHIP and WHEP reserve such methods for later versions.
func (h *Handler) handle(to resource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.serve(to, w, r); err != nil {
			refuse(w, err, h.log)
		}
	})
}

func (h *Handler) serve(to resource, w http.ResponseWriter, r *http.Request) error {
	if err := h.checkOrigin(w, r); err != nil {
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
			h.linkEarly(w.Header(), r)
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
	w.Header().Set("Allow", to.do.names())
	return refusal.New(codeMethod, "%s is not possible here; accepted: %s", r.Method, to.do.names())
}

// checkOrigin lets pages of the allowed origins read the answer (CORS), and refuses requests of all other pages.
func (h *Handler) checkOrigin(w http.ResponseWriter, r *http.Request) error {
	header := w.Header()
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if !h.server.Guard.AllowsOrigin(r) {
		return refusal.New(auth.CodeForbidden, "a page of %s; accepted are pages of this server, and of auth.origins", origin)
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After, WWW-Authenticate")
	return nil
}

// options sets the headers that answer OPTIONS: the methods of a resource, and the answer to a browser's CORS
// preflight.
func options(header http.Header, of resource) {
	header.Set("Allow", of.do.names())
	header.Set("Access-Control-Allow-Methods", of.do.names())
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	header.Set("Access-Control-Max-Age", "600")
	if of.header != "" {
		header.Set(of.header, of.accepts)
	}
}

// linkEarly adds the ICE servers to the answer of OPTIONS, if the client may make a session here. Then the client can
// use them in its first offer. The ICE servers come with credentials for one client, so the guard counts the request as
// a join. A CORS preflight has no token and gets no servers.
func (h *Handler) linkEarly(header http.Header, r *http.Request) {
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
	linkServers(header, h.server.Engine.ICEServers(rand.Text()))
}
