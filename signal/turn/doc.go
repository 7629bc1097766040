// Package turn provides TURN (RFC 8656) to clients whose network blocks direct connections. It makes credentials for each
// client. The embedded TURN server and external servers with the same secret accept these credentials.
//
// The package also runs the embedded server. Clients reach this server over UDP and TCP. A relay (an allocation in TURN)
// uses UDP only, and exchanges packets only with peers that the policy allows. The policy refuses private networks and this
// machine. It allows the ports on which this machine receives media, other relays, and the prefixes in Config.AllowPeers.
//
// A program in cmd makes one [Relays] for all dialects. Its methods are safe for concurrent use.
package turn
