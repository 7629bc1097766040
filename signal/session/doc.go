// Package session keeps the three objects that one client has in a room: its membership, its peer connection and its
// viewer. It makes and frees these objects in the same way for every signalling dialect.
//
// The dialects ws, stomp and whip make a [Session] for each client, and translate the client's messages to method calls.
// Only one goroutine may use a Session. That goroutine, the client's loop, selects from the channels of the Session. A
// Session starts no goroutine. The dialect must call [Session.Close] in any case.
package session
