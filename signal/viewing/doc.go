// Package viewing is what every dialect needs to let a client choose its picture and to tell it what it sees: what
// it asks for, what follows from that in its room, and the messages about it, which all dialects share.
//
// A [Picture] belongs to the goroutine of one session; what else may be called says so.
package viewing
