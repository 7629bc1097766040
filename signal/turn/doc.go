// Package turn relays media for clients whose network lets nothing else through (RFC 8656). It makes the
// credentials of one client for the embedded server and for external ones that share the secret, and it is the
// embedded server, over UDP and TCP. Relays are UDP only, and reach only what the policy allows: neither private
// networks nor this machine, but for the very ports where it takes media.
//
// [Relays] is made by the server's wiring and asked by every dialect. Its methods are safe for concurrent use.
package turn
