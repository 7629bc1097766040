// Package peer owns one WebRTC connection of one client. Upstream, the published media go to the client's source in the
// mixer. Downstream, the mixer's view and mix go to the client as one video and one audio track. A connection has one
// offer, of either side, and one answer. The only renegotiation is an ICE restart.
//
// A signalling dialect makes a [Peer] from the server's one [Engine] and closes it. Methods of Engine and Peer are safe
// for concurrent use. Each received track is read by one goroutine, and all sent media are written by one goroutine.
// [Peer.Close] waits for all of them.
package peer
