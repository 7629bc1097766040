// Package mixer is the vocabulary that the engine, the server's side and the recorder share: packets and codecs, views,
// layouts and rungs, statistics, and the messages of the seam. It holds values only: except for Meter, nothing in it has
// state or is safe for concurrent writing.
package mixer
