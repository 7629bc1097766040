// Package client is a WebRTC client of the native dialect: it publishes access units of any source and delivers those of
// the mix. The load generator, the benchmark and the tests of the server use it. It shares no code with the server's side
// of signalling and transport.
//
// [Dial] starts a [Client]; its methods are safe for concurrent use. Callbacks of [Config] are
// called from the client's goroutines, one for each medium and one for signalling; they must not
// call Close, which waits for them.
package client
