// Package hub is the server's side of a room's mixer. It sends commands to the engine, matches answers to requests, and
// hands the packets of each rendition to the subscriptions that share it. The packets of sources pass the hub on their
// way to the engine. Taps get them in the hub, unchanged and undecoded. The package needs no C.
//
// A room owns one Hub. Its methods may be called from any goroutine. The hub handles each event in the goroutine of the
// engine that emits it, and never blocks that goroutine. It holds no lock while it sends a command.
package hub
