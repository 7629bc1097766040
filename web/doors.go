package web

import (
	"net/http"

	"azulejo/signal/auth"
)

// A rule says who asks the guard before somebody goes through a door, and in which words it refuses.
type rule int

const (
	open rule = iota + 1 // nobody: everybody may have what is behind it
	page                 // the gate; refused with a page
	api                  // the gate; refused with a problem document
	own                  // the handler itself: it makes members, and its dialect carries the token
)

// pathRoom is the room that the request's path names.
const pathRoom = "{room}"

// door is one pattern of the mux and what it takes to go through.
type door struct {
	pattern string
	rule    rule
	room    string       // of page and api: pathRoom, auth.AllRooms, or empty for any token that is good
	grants  []auth.Grant // all of them are needed
}

// doors are all there are: nothing else can be registered. Static files say nothing of this server's rooms, and neither
// does the description of the API.
func doors(static []string) []door {
	const rooms, footage = "/api/v1/rooms", "/api/v1/footage/{room}"
	view, publish, read, admin := auth.View, auth.Publish, auth.Footage, auth.Admin
	needs := func(grants ...auth.Grant) []auth.Grant { return grants }
	all := []door{
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
		all = append(all, door{"GET /" + name, open, "", nil})
	}
	return all
}

// ask is what the guard has to be asked for a request that came to d.
func (d door) ask(r *http.Request) auth.Ask {
	room := d.room
	if room == pathRoom {
		room = r.PathValue("room")
	}
	return auth.Ask{Token: auth.TokenOf(r), Room: room, Grants: d.grants, Remote: r.RemoteAddr}
}
