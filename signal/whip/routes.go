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

// routes returns all resources. The keys are patterns of [http.ServeMux].
func (h *Handler) routes() map[string]resource {
	session := resource{methods{http.MethodPatch: h.patch, http.MethodDelete: h.remove}, "Accept-Patch", typeFragment}
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

// resource describes the resource at a path.
type resource struct {
	methods methods // nil: there is no resource
	header  string  // the response header that announces the accepted media type
	accepts string  // the media type that a body must have
}

// methods has the handlers of a resource, by HTTP method. If a handler returns an error, it has written no response, and its
// caller must report the error to the client.
type methods map[string]func(http.ResponseWriter, *http.Request) error

// names returns the names of the methods in a fixed order, with OPTIONS at the end.
func (m methods) names() string {
	return strings.Join(append(slices.Sorted(maps.Keys(m)), http.MethodOptions), ", ")
}

// handle returns the HTTP handler of a resource.
func (h *Handler) handle(res resource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.serve(res, w, r); err != nil {
			refuse(w, err, h.log)
		}
	})
}

// serve handles a request for a resource. It checks the origin of the request, and answers OPTIONS. It refuses methods that
// the resource does not have, because WHIP and WHEP reserve these methods for later versions.
func (h *Handler) serve(res resource, w http.ResponseWriter, r *http.Request) error {
	if err := h.checkOrigin(w, r); err != nil {
		return err
	}
	switch method := res.methods[r.Method]; {
	case res.methods == nil:
		return refusal.New(codeNotFound, "there is nothing at %s; accepted are /whip/{room}/{name} and /whep/{room}", r.URL.Path)
	case method != nil:
		return method(w, r)
	case r.Method == http.MethodOptions:
		setOptions(w.Header(), res)
		if res.accepts == typeSDP {
			h.linkEarly(w.Header(), r)
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
	w.Header().Set("Allow", res.methods.names())
	return refusal.New(codeMethod, "%s is not possible here; accepted: %s", r.Method, res.methods.names())
}

// checkOrigin refuses requests of web pages whose origin is not allowed. It lets pages of allowed origins read the response
// (CORS).
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

// setOptions sets the headers of the response to OPTIONS. They also answer the CORS preflight of a browser.
func setOptions(header http.Header, res resource) {
	header.Set("Allow", res.methods.names())
	header.Set("Access-Control-Allow-Methods", res.methods.names())
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	header.Set("Access-Control-Max-Age", "600")
	if res.header != "" {
		header.Set(res.header, res.accepts)
	}
}

// linkEarly adds the ICE servers to the response to OPTIONS, if the client may make a session here. So the client can use
// these servers in its first offer. The servers have credentials for one client. Therefore the guard counts the request as a
// join. A CORS preflight has no token and gets no servers.
func (h *Handler) linkEarly(header http.Header, r *http.Request) {
	if r.Header.Get("Access-Control-Request-Method") != "" {
		return
	}
	grant := auth.View
	if r.PathValue("name") != "" {
		grant = auth.Publish
	}
	if _, err := h.admit(r, grant, true); err != nil {
		return // the client learns the reason when it sends the POST
	}
	header.Set("Cache-Control", "no-store")
	linkServers(header, h.server.Engine.ICEServers(rand.Text()))
}
