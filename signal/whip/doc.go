// Package whip is the signalling dialect for tools such as OBS and FFmpeg. They publish by WHIP (RFC 9725) and watch by WHEP
// (draft-ietf-wish-whep). A POST contains the SDP offer, and its response contains the SDP answer with all candidates. Each
// such POST makes a session, which has its own URL. Each session has one [azulejo/signal/session.Session].
//
//	POST    /whip/{room}/{name}               application/sdp → 201, the session's URL in Location
//	POST    /whep/{room}?view&spotlight&exclude&rung&audio=0
//	PATCH   {location}                        application/trickle-ice-sdpfrag: candidates, or an ICE restart
//	DELETE  {location}
//	GET     {location}/events                 WHEP only: layout, rendition, overload, participants, end
//	POST    {location}/events                 WHEP only: a list of the wanted events → 201, their URL in Location
//	POST    {location}/view                   WHEP only: the message "view" of the native dialect, without the field type
//
// # Places
//
// A publisher can replace an earlier session of the same name. The new session then gets the place and the tile of the
// earlier session at once. This happens in three cases:
//
//   - The tokens of both sessions are valid only for this name.
//   - Both sessions have the same token, which is valid for any name.
//   - The server requires no tokens, and both sessions have the same IP address.
//
// In all other cases the new session gets its own place.
//
// The HTTP server calls a [Handler] from many goroutines. Each session has one goroutine, its loop. [Handler.Close] ends all
// sessions and waits for their goroutines.
package whip
