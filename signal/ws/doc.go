// Package ws speaks the native signalling dialect: JSON messages over a WebSocket, as PROTOCOL.md
// in the folder above writes it down. It translates them to room commands and to one peer connection
// per client.
//
// The HTTP server calls a [Handler] from many goroutines; each connection is one session: a
// reader, a writer, and a loop that owns everything else. Close of the Handler waits for all.
package ws
