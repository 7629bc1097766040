// Package mixer has the types that the engine, the hub and the recorder share: packets and codecs, views, layouts and
// rungs, statistics, and the messages of the seam. Meter is safe for concurrent use. All other types are plain values: while
// one goroutine changes a value, no other may use it.
package mixer
