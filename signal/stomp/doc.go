// Package stomp speaks the dialect of mesh clients: STOMP frames (1.0 to 1.2) in SockJS messages. In a room that
// mixes, the server is the only other client they ever hear of, and what they receive from it is the mix; in a
// mesh room it is the broker they expect.
//
// The HTTP server calls a [Handler] from many goroutines; each SockJS session is one of ours: a reader, a writer,
// and a loop that owns everything else. Close of the Handler waits for all.
package stomp
