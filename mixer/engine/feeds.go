package engine

import (
	"context"
	"sync"

	"azulejo/mixer"
	"azulejo/mixer/engine/feed"
)

// feeds plays files and test patterns, each in a goroutine of its own. The zero value with emit is ready. Safe for concurrent
// use.
type feeds struct {
	emit func(mixer.Event)
	work sync.WaitGroup

	mu     sync.Mutex
	all    map[mixer.FeedID]*runningFeed // the feeds that have not ended; nil before the first
	closed bool
}

type runningFeed struct {
	cancel  context.CancelFunc
	refresh chan struct{} // holds one value while a keyframe is requested and the feed has not read the request
}

// open starts a feed, unless a feed with this id runs already. When the feed has ended, FeedEnded is emitted.
func (f *feeds) open(id mixer.FeedID, spec mixer.FeedSpec) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.all[id] != nil {
		return
	}
	if f.all == nil {
		f.all = map[mixer.FeedID]*runningFeed{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &runningFeed{cancel, make(chan struct{}, 1)}
	f.all[id] = r
	f.work.Go(func() {
		err := f.run(ctx, id, spec, r.refresh)
		f.forget(id)
		f.emit(mixer.FeedEnded{Feed: id, Failure: mixer.Fail(err)})
	})
}

// run emits the packets of a feed until it ends.
func (f *feeds) run(ctx context.Context, id mixer.FeedID, spec mixer.FeedSpec, refresh <-chan struct{}) error {
	opened, err := feed.Open(spec)
	if err != nil {
		return err
	}
	return opened.Run(ctx, func(p mixer.Packet) { f.emit(mixer.Fed{Feed: id, Packet: p}) }, refresh)
}

// forget removes a feed that has ended.
func (f *feeds) forget(id mixer.FeedID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.all[id]; r != nil {
		r.cancel()
		delete(f.all, id)
	}
}

// close stops a feed. It does not wait for the end of the feed.
func (f *feeds) close(id mixer.FeedID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.all[id]; r != nil {
		r.cancel()
	}
}

// requestKeyframe requests a keyframe of a feed. It never blocks. It has no effect while the feed has not read an earlier
// request.
func (f *feeds) requestKeyframe(id mixer.FeedID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.all[id]; r != nil {
		select {
		case r.refresh <- struct{}{}:
		default:
		}
	}
}

// closeAll stops all feeds and waits for them.
func (f *feeds) closeAll() {
	f.mu.Lock()
	f.closed = true
	for _, r := range f.all {
		r.cancel()
	}
	f.mu.Unlock()
	f.work.Wait()
}
