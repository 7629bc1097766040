// Package hub is the server's side of a room's mixer. It sends commands to the engine and matches answers to requests. It
// delivers the packets of each rendition to the subscriptions that share the rendition. The packets of sources go through
// the hub to the engine, and taps get these packets in the hub, unchanged and undecoded. The package needs no C.
//
// A room owns one Hub. Its methods may be called from any goroutine. The hub handles each event in the goroutine of the
// engine that emits it, and never blocks that goroutine. It holds no lock while it sends a command.
package hub
