// Package mixer has the types that the engine, the hub and the recorder share: packets and codecs, views, layouts and
// rungs, statistics, and the messages of the seam. All types but Meter are plain values, which must not be written
// concurrently.
package mixer
