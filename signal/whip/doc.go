// Package whip is the signalling dialect for tools such as OBS and FFmpeg: they publish by WHIP (RFC 9725) and watch by
// WHEP (draft-ietf-wish-whep). A POST contains the SDP offer, and its response contains the complete answer. Each POST
// of an offer makes a session with a URL of its own, which is one [azulejo/signal/session.Session].
//
//	POST    /whip/{room}/{name}               application/sdp → 201, the session's URL in Location
//	POST    /whep/{room}?view&spotlight&exclude&rung&audio=0
//	PATCH   {location}                        application/trickle-ice-sdpfrag: candidates, or an ICE restart
//	DELETE  {location}
//	GET     {location}/events                 WHEP only: layout, rendition, overload, participants, end
//	POST    {location}/events                 WHEP only: a list of the wanted events → 201, their address in Location
//	POST    {location}/view                   WHEP only: the native view message, without type
//
// # Places
//
// A publisher takes over the place, and so the tile, of an earlier session of the same name at once, if both have the
// same right to the name. That is so if the tokens of both are for that name. If the tokens are for any name, both need
// the very same token. Without tokens, both need the same address. Any other publisher of the same name gets a place of
// its own.
//
// The HTTP server calls a [Handler] from many goroutines. Each session has a goroutine that ends with the session.
// Close waits for all of them.
package whip
