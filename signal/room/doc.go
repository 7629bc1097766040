// Package room owns who is together: a [Registry] of rooms, their members, and of each room the one
// mixer and the recordings.
//
// Signalling dialects and camera pullers call [Registry.Join] and hold the [Member] they get. A room
// is one goroutine over typed commands; what only it touches has no lock. All exported methods
// are safe for concurrent use.
package room
