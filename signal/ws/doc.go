// Package ws is the native signalling dialect: JSON messages over a WebSocket, as ../PROTOCOL.md specifies. Each connection
// has one [azulejo/signal/session.Session]. The package translates the client's messages to calls of this session.
//
// The HTTP server calls a [Handler] from many goroutines. Each connection has three goroutines: a reader, a writer, and a
// loop that owns everything else. Close of the Handler waits for all of them.
package ws
