// Package ws is the native signalling dialect: JSON messages over a WebSocket, as ../PROTOCOL.md specifies. It translates
// them to calls of one [azulejo/signal/session.Session] for each connection.
//
// The HTTP server calls a [Handler] from many goroutines. Each connection has a reader, a writer, and a loop that owns
// everything else. Close of the Handler waits for all of them.
package ws
