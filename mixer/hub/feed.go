package hub

import (
	"context"

	"azulejo/mixer"
)

// Feed is a file or a test pattern that the engine plays.
type Feed struct {
	hub  *Hub
	spec mixer.FeedSpec
}

// runningFeed is a feed that the engine plays now.
type runningFeed struct {
	out   func(mixer.Packet) // gets the packets
	ended chan error         // gets one value when the feed has ended; buffered
}

// OpenFeed returns the feed that spec describes. Feed.Run plays it.
func (h *Hub) OpenFeed(spec mixer.FeedSpec) *Feed { return &Feed{h, spec} }

// Run plays the feed in the engine until ctx ends or the input fails. One goroutine of the engine calls out with the packets,
// in real time. out must not block. Each value from refresh requests a keyframe; files ignore the request. Run returns nil
// if ctx has ended, and mixer.ErrClosed if the engine has ended.
func (f *Feed) Run(ctx context.Context, out func(mixer.Packet), refresh <-chan struct{}) error {
	id := mixer.FeedID(f.hub.ids.Add(1))
	r := &runningFeed{out: out, ended: make(chan error, 1)}
	if !f.hub.addFeed(id, r) {
		return errClosed()
	}
	defer f.hub.dropFeed(id)
	f.hub.engine.Send(mixer.OpenFeed{Feed: id, Spec: f.spec})
	for done := ctx.Done(); ; {
		select {
		case err := <-r.ended:
			switch {
			case ctx.Err() != nil:
				return nil
			case err == nil: // the engine ended first
				return errClosed()
			}
			return err
		case <-refresh:
			f.hub.engine.Send(mixer.RequestFeedKeyframe{Feed: id})
		case <-done:
			done = nil // Run waits for FeedEnded, so that out is not called after Run has returned
			f.hub.engine.Send(mixer.CloseFeed{Feed: id})
		}
	}
}

// addFeed adds a running feed. It returns false if the engine has ended.
func (h *Hub) addFeed(id mixer.FeedID, r *runningFeed) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.feeds == nil {
		return false
	}
	h.feeds[id] = r
	return true
}

func (h *Hub) dropFeed(id mixer.FeedID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.feeds, id)
}

// feed returns the running feed with that id, or nil.
func (h *Hub) feed(id mixer.FeedID) *runningFeed {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.feeds[id]
}

// endFeeds ends all running feeds with mixer.ErrClosed. The engine has ended.
func (h *Hub) endFeeds() {
	h.mu.Lock()
	all := h.feeds
	h.feeds = nil
	h.mu.Unlock()
	for _, r := range all {
		r.end(errClosed())
	}
}

// end ends the feed. Only the first call has an effect.
func (r *runningFeed) end(err error) {
	select {
	case r.ended <- err:
	default:
	}
}
