// Package turn is the TURN relaying (RFC 8656) for clients whose network blocks direct connections. It makes credentials
// for each client, which the embedded server and external servers with the same secret accept, and it runs the embedded
// server over UDP and TCP. Relays use UDP only, and exchange packets only with peers that the policy allows: neither
// private networks nor this machine, except for the ports on which it receives media.
//
// cmd makes a [Relays], and every dialect uses it. Its methods are safe for concurrent use.
package turn
