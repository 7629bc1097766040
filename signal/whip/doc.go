// Package whip is the signalling dialect of other tools: they publish by WHIP (RFC 9725) and watch by WHEP
// (draft-ietf-wish-whep). One HTTP request has the SDP offer, and its response the complete answer. Each makes a session
// with a URL of its own: one [azulejo/signal/session.Session].
//
//	POST    /whip/{room}/{name}               application/sdp → 201, the session's URL in Location
//	POST    /whep/{room}?view&spotlight&exclude&rung&audio=0
//	PATCH   {location}                        application/trickle-ice-sdpfrag: candidates, or an ICE restart
//	DELETE  {location}
//	GET     {location}/events                 WHEP only: layout, rendition, overload, participants, end
//	POST    {location}/events                 WHEP only: a list of these → 201, their address in Location
//	POST    {location}/view                   WHEP only: the native view message, without type
//
// # Places
//
// A publisher takes over the place of an earlier session of the same name at once, with its tile, if it has the same
// right to the name: a token for that name, else the very same token, else (without tokens) the same address. Any other
// publisher of the same name gets a place of its own.
//
// The HTTP server calls a [Handler] from many goroutines. Each session has a goroutine that lives as long as the
// connection. Close waits for all of them.
package whip
