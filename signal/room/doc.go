// Package room owns the rooms of a server. A [Registry] has all rooms. Each room owns its members, its mixer and its
// recordings.
//
// Signalling dialects and cameras call [Registry.Join], which returns a [Member]. Each room has one goroutine, its loop,
// which executes typed commands. Fields that only the loop uses have no lock. All exported methods are safe for
// concurrent use.
package room
