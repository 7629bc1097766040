// Package whip lets tools that are not ours publish by WHIP (RFC 9725) and watch by WHEP (draft-ietf-wish-whep):
// one HTTP request with an SDP offer each, answered with all there is to say. It translates them to a membership and
// one peer connection, which together are a session with a URL of its own.
//
//	POST    /whip/{room}/{name}               application/sdp → 201, the session's URL in Location
//	POST    /whep/{room}?view&spotlight&exclude&rung&audio=0
//	PATCH   {location}                        application/trickle-ice-sdpfrag: candidates, or an ICE restart
//	DELETE  {location}
//	GET     {location}/events                 WHEP only: layout, rendition, overload, participants, end
//	POST    {location}/events                 WHEP only: a list of these → 201, where to GET them in Location
//	POST    {location}/view                   WHEP only: the native view message, without type
//
// # Whose place it is
//
// Who publishes under a name again takes the place of the session before it at once, tile and all, if it has the
// same right to the name: a token for that name, else the very same token, else (without tokens) the same address.
// Anybody else with the same name gets a place beside it.
//
// The HTTP server calls a [Handler] from many goroutines; each session is a loop in one of its own, which lives as
// long as the connection. Close waits for all.
package whip
