// Package peer owns one WebRTC connection of one client: what it publishes goes to its source in
// the mixer, what it views comes from the mixer as one video and one audio track. A connection
// is one offer and one answer, either side's, never a renegotiation but for its path (ICE restart).
//
// A signalling dialect makes a [Peer] from the server's one [Engine] and closes it. Methods of
// Engine and Peer are safe for concurrent use. Every track is read by one goroutine; everything
// sent is written by one goroutine; [Peer.Close] waits for all of them.
package peer
