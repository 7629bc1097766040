// Package turn relays media by TURN (RFC 8656) for clients whose network blocks direct connections. It makes credentials
// for each client, which are accepted by the embedded server and by external servers with the same secret. It also runs
// the embedded server, over UDP and TCP. Relays use UDP only, and exchange packets only with peers that the policy allows.
// It allows neither private networks nor this machine, except for the ports on which this machine receives media.
//
// A program in cmd makes a [Relays], and every dialect uses it. Its methods are safe for concurrent use.
package turn
