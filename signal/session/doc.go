// Package session holds the stay of one client in a room: its membership, its peer connection and its viewer, which
// every signalling dialect makes and frees the same way.
//
// The dialects ws, stomp and whip make a [Session] for each client, and translate their messages to its methods. A
// Session belongs to one goroutine: the loop of the client, which selects from the channels of the Session. It starts no
// goroutine and needs a Close in any case.
package session
