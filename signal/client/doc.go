// Package client is a WebRTC client of the native dialect. It publishes the access units that its caller gives it, and
// delivers the access units of the mix. The load generator, the benchmark and the tests of the server use it. It shares
// no code with the server's side of signalling and transport.
//
// [Dial] starts a [Client], whose methods are safe for concurrent use. The client's goroutines, one for each medium and
// one for signalling, call the callbacks of [Config]. Callbacks must not call Close, which waits for these goroutines.
package client
