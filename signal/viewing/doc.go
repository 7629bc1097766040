// Package viewing handles what a client watches: its selection, the view that the selection means in its room, and the
// messages about that, which all dialects share.
//
// Only the goroutine of one session may use a [Viewer], except for the methods that say otherwise.
package viewing
