package web

import (
	"net/http"

	"azulejo/signal/auth"
)

// access says which code checks the permission for a route, and how it answers a refusal.
type access int

const (
	open access = iota + 1 // no check: everybody may use the route
	page                   // the gate checks; a refusal is a page
	api                    // the gate checks; a refusal is a problem document
	own                    // the handler checks: it makes members, and its dialect carries the token
)

// pathRoom stands for the room in the request's path.
const pathRoom = "{room}"

// route is one pattern of the mux and the permission that it needs.
type route struct {
	pattern string
	access  access
	room    string       // for page and api: pathRoom, auth.AllRooms, or empty for any valid token
	grants  []auth.Grant // all are needed
}

// routeTable has all routes: the gate registers no others. Static files and the description of the API are open, since
// they reveal nothing about the rooms of this server.
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
		{"PUT " + viewsPath, api, pathRoom, needs(admin)},
		{"DELETE " + viewsPath, api, pathRoom, needs(admin)},

		{"GET " + footage, api, pathRoom, needs(read)},
		{"GET " + footage + "/{stream}", api, pathRoom, needs(read)},
		{"GET " + footage + "/{stream}/index.m3u8", api, pathRoom, needs(read)},
		{"GET " + footage + "/{stream}/init/{name}", api, pathRoom, needs(read)},
		{"GET " + footage + "/{stream}/segments/{name}", api, pathRoom, needs(read)},

		{"/ws", own, "", nil},
		{"/signaling", own, "", nil},
		{"/signaling/", own, "", nil},
		{"/whip/", own, "", nil},
		{"/whep/", own, "", nil},

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

// request is the question to the guard for a request to this route.
func (d route) request(r *http.Request) auth.Ask {
	room := d.room
	if room == pathRoom {
		room = r.PathValue("room")
	}
	return auth.Ask{Token: auth.TokenOf(r), Room: room, Grants: d.grants, Remote: r.RemoteAddr}
}
