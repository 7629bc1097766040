package web

import (
	"net/http"

	"azulejo/signal/auth"
)

// access says whether guardedMux or the handler checks the permission for a route, and how a refusal is answered.
type access int

const (
	open          access = iota + 1 // no check: everybody may use the route
	page                            // guardedMux checks; a refusal is an HTML page
	api                             // guardedMux checks; a refusal is a problem document
	handlerChecks                   // the handler checks, since each dialect carries the token in its own way
)

// pathRoom, as the room of a route, means the room that the request's path names.
const pathRoom = "{room}"

// route is one pattern of guardedMux and the permission that its requests need.
type route struct {
	pattern string
	access  access
	room    string       // for page and api: the room that the token must allow; pathRoom, auth.AllRooms, or empty for any
	grants  []auth.Grant // the token must have all of them
}

// routeTable returns all routes of the server: guardedMux accepts no others. static are the names of the static files.
// These files and the description of the API are open, since they reveal nothing about the rooms of this server.
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

// request returns what the guard must check before r may use this route.
func (d route) request(r *http.Request) auth.Ask {
	room := d.room
	if room == pathRoom {
		room = r.PathValue("room")
	}
	return auth.Ask{Token: auth.TokenOf(r), Room: room, Grants: d.grants, Remote: r.RemoteAddr}
}
