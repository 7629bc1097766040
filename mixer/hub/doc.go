// Package hub is the server's side of a room's engine: it sends commands, matches answers to requests, and fans the
// packets of each rendition out to the subscriptions that share it. A source's own packets pass through it on their
// way to the engine; a tap gets them here, unchanged and undecoded. It needs no C.
//
// A room owns one Hub; its methods may be called from any goroutine. Events are handled in the goroutine that brings
// them and never block. No lock is held while a command is sent.
package hub
