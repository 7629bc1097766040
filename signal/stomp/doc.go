// Package stomp is the signalling dialect of mesh clients: STOMP frames (1.0 to 1.2) in SockJS messages. In a room that
// mixes, a client sees one other client only: the server, which sends it the mix. In a mesh room the server is the STOMP
// broker between the clients.
//
// The HTTP server calls a [Handler] from many goroutines. Each SockJS session has a reader, a writer, and a loop that owns
// everything else. Close of the Handler waits for all of them.
package stomp
