// Package feed runs the sources that the server makes itself: media files that are played in a loop, and test patterns.
// A [mixer.FeedSpec] names one. A Feed is run by one goroutine and calls its callback from there.
package feed

import (
	"context"

	"azulejo/mixer"
)

// Feed is one file or test pattern.
type Feed interface {
	// Run delivers packets in real time until ctx ends or the input breaks. It returns nil when ctx has ended. The packets
	// are never written to after the call of out. What comes from refresh asks for a keyframe, which only patterns make.
	Run(ctx context.Context, out func(mixer.Packet), refresh <-chan struct{}) error
}

// Open returns the feed that spec names. It opens nothing: Run does.
func Open(spec mixer.FeedSpec) (Feed, error) {
	if spec.File != "" {
		return fileFeed(spec.File), nil
	}
	return &pattern{Pattern: spec.Pattern, name: spec.Name}, nil
}
