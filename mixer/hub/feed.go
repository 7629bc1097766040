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

// runningFeed is where the events of a feed go.
type runningFeed struct {
	out   func(mixer.Packet)
	ended chan error // has room for one
}

// OpenFeed returns the feed that spec names; Run starts it.
func (h *Hub) OpenFeed(spec mixer.FeedSpec) *Feed { return &Feed{h, spec} }

// Run has the engine play the feed until ctx ends or the input breaks. It returns nil when ctx has ended. Packets come in
// real time, from one goroutine of the engine; out must not block. What comes from refresh asks for a keyframe, which only
// test patterns make.
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
			if ctx.Err() != nil {
				return nil
			}
			return err
		case <-refresh:
			f.hub.engine.Send(mixer.RequestFeedKeyframe{Feed: id})
		case <-done:
			done = nil // FeedEnded follows: no packet comes after Run
			f.hub.engine.Send(mixer.CloseFeed{Feed: id})
		}
	}
}

// addFeed is false once the engine has ended.
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

func (h *Hub) feed(id mixer.FeedID) *runningFeed {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.feeds[id]
}

// endFeeds ends those that still run once the engine has ended.
func (h *Hub) endFeeds() {
	h.mu.Lock()
	all := h.feeds
	h.feeds = nil
	h.mu.Unlock()
	for _, r := range all {
		r.end(errClosed())
	}
}

func (r *runningFeed) end(err error) {
	select {
	case r.ended <- err:
	default:
	}
}
