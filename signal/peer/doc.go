// Package peer owns one WebRTC connection of one client. Upstream, the client's published media go to its source in the
// mixer. Downstream, a view and a mix go to the client as one video track and one audio track. A connection has one offer,
// made by either side, and one answer. The only renegotiation is an ICE restart.
//
// The server has one [Engine]. A session makes a [Peer] from it and closes the Peer. Methods of Engine and Peer are safe
// for concurrent use. One goroutine reads the RTP of each received track, and one goroutine writes all sent media.
// [Peer.Close] waits for all goroutines of the connection.
package peer
