// Package viewing is what a client watches: its selection, the view that the selection means in its room, and the messages
// about it, which all dialects share.
//
// A [Viewer] belongs to the goroutine of one session, except for the methods that say otherwise.
package viewing
