// Package session keeps what one client has in a room: its membership, its peer connection and its viewer. Every
// signalling dialect makes and frees these in the same way.
//
// The dialects ws, stomp and whip make a [Session] for each client, and translate their messages to its methods. Only
// one goroutine may use a Session: the loop of the client, which selects from the channels of the Session. A Session
// starts no goroutine. It must be closed in any case.
package session
