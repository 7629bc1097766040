// Package viewing applies a client's selection to the named views of its room, and sends the client the messages about the
// video that it receives. All dialects use it.
//
// Only the goroutine of the client's session may use a [Viewer], except for the methods that say otherwise.
package viewing
