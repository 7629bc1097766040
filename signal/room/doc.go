// Package room owns the rooms: a [Registry] of them, and for each room its members, its one mixer and its recordings.
//
// Signalling dialects and cameras call [Registry.Join] and hold the [Member] that it returns. A room is one goroutine
// over typed commands; state of that goroutine alone has no lock. All exported methods are safe for concurrent use.
package room
