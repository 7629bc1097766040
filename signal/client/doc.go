// Package client is a WebRTC client of the native dialect. It publishes the access units that its caller passes to it. It
// passes the access units of the received mix to callbacks. The load generator, the benchmark and the tests of the server
// use this package. It shares no code with the server's side of signalling and transport.
//
// [Dial] starts a [Client]. The methods of a Client are safe for concurrent use. Its goroutines call the callbacks of
// [Config]: one goroutine for signalling, and one for each track. A callback must not call Close, because Close waits for
// these goroutines.
package client
