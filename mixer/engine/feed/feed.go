// Package feed plays media files in a loop, and generates test patterns. A [mixer.FeedSpec] describes a feed. The engine runs
// each Feed in a goroutine of its own, and the Feed calls its callback from that goroutine.
package feed

import (
	"context"

	"azulejo/mixer"
)

// Feed plays one file or test pattern.
type Feed interface {
	// Run passes packets to out in real time until ctx ends or the input fails. It returns nil when ctx has ended. It never
	// changes a packet after the call of out. A value from refresh requests a keyframe. Test patterns then make a keyframe,
	// and files ignore the request.
	Run(ctx context.Context, out func(mixer.Packet), refresh <-chan struct{}) error
}

// Open returns the feed that spec describes. It does not open the file: Run does.
func Open(spec mixer.FeedSpec) (Feed, error) {
	if spec.File != "" {
		return fileFeed(spec.File), nil
	}
	return &pattern{Pattern: spec.Pattern, name: spec.Name}, nil
}
