// Package stomp is the signalling dialect of mesh clients: STOMP frames (versions 1.0 to 1.2) in SockJS messages. Without
// this server, mesh clients connect to each other. In a room that mixes, the server acts as the only other client of the
// room, and sends its mix. In a mesh room, the server is the STOMP broker that relays messages between the clients.
//
// The HTTP server calls a [Handler] from many goroutines. Each SockJS session has three goroutines: a reader, a writer, and
// a loop that owns everything else. Close of the Handler waits for all of them.
package stomp
