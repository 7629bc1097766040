package web

import (
	"net/http"

	"azulejo/signal/auth"
)

// access says who checks the permission for a route, and in which form a client gets a refusal.
type access int

const (
	open          access = iota + 1 // no check: every client may use the route
	page                            // guardedMux checks; a refusal is an HTML page
	api                             // guardedMux checks; a refusal has problem details (RFC 9457)
	handlerChecks                   // the handler checks, since each dialect carries the token in another place
)

// pathRoom is a value of route.room. It stands for the room in the path of the request.
const pathRoom = "{room}"

// route is one pattern of guardedMux and the permission that a request needs.
type route struct {
	pattern string
	access  access
	room    string       // for page and api: the room that the token must allow: pathRoom, auth.AllRooms, or empty for any room
	grants  []auth.Grant // the token must have all these grants
}

// routeTable returns all routes of the server. guardedMux accepts no other routes. static holds the paths of the static
// files. These files and the OpenAPI description are open, since they reveal nothing about the rooms of this server.
func routeTable(static []string) []route {
	const rooms, footage = "/api/v1/rooms", "/api/v1/footage/{room}"
	view, publish, read, admin := auth.View, auth.Publish, auth.Footage, auth.Admin
	needs := func(grants ...auth.Grant) []auth.Grant { return grants }
	all := []route{
		{"GET /{$}", page, "", nil},
		{"GET /join/{room}", page, pathRoom, needs(view, publish)},
		{"GET /wall/{room}", page, pathRoom, needs(view)},
		{"GET /footage/{room}", page, pathRoom, needs(read)},

		{"GET " + rooms, api, auth.AllRooms, needs(admin)},
		{"GET " + rooms + "/{room}", api, pathRoom, needs(view)},
		{"GET " + eventsPath, api, auth.AllRooms, needs(admin)},
		{"PUT " + viewsPath, api, pathRoom, needs(admin)},
		{"DELETE " + viewsPath, api, pathRoom, needs(admin)},

		{"GET " + footage, api, pathRoom, needs(read)},
		{"GET " + footage + "/{stream}", api, pathRoom, needs(read)},
		{"GET " + footage + "/{stream}/index.m3u8", api, pathRoom, needs(read)},
		{"GET " + footage + "/{stream}/init/{name}", api, pathRoom, needs(read)},
		{"GET " + footage + "/{stream}/segments/{name}", api, pathRoom, needs(read)},

		{"/ws", handlerChecks, "", nil},
		{"/signaling", handlerChecks, "", nil},
		{"/signaling/", handlerChecks, "", nil},
		{"/whip/", handlerChecks, "", nil},
		{"/whep/", handlerChecks, "", nil},

		{"GET /metrics", api, auth.AllRooms, needs(admin)},
		{"GET /openapi.yaml", open, "", nil},
		{"GET /healthz", open, "", nil},
		{"GET /readyz", open, "", nil},
		{"GET /favicon.ico", open, "", nil},
	}
	for _, name := range static {
		all = append(all, route{"GET /" + name, open, "", nil})
	}
	return all
}

// ask returns the permission that the guard must check before the handler of this route is called for r. Events of one room
// need only the grant view for this room.
func (rt route) ask(r *http.Request) auth.Ask {
	room, grants := rt.room, rt.grants
	if room == pathRoom {
		room = r.PathValue("room")
	}
	if one := r.URL.Query().Get("room"); one != "" && r.URL.Path == eventsPath {
		room, grants = one, []auth.Grant{auth.View}
	}
	return auth.Ask{Token: auth.TokenOf(r), Room: room, Grants: grants, Remote: r.RemoteAddr}
}
