package hub

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"azulejo/mixer"
)

// play runs a feed in a goroutine.
func play(ctx context.Context, r *room) (id mixer.FeedID, got *[]string, refresh chan struct{}, ended chan error) {
	r.t.Helper()
	got, refresh, ended = &[]string{}, make(chan struct{}), make(chan error, 1)
	go func() {
		out := func(p mixer.Packet) { *got = append(*got, string(p.Data)) }
		ended <- r.OpenFeed(mixer.FeedSpec{Name: "gate"}).Run(ctx, out, refresh)
	}()
	synctest.Wait()
	for _, c := range r.engine.sent() {
		if open, is := c.(mixer.OpenFeed); is && open.Spec.Name == "gate" {
			id = open.Feed
		}
	}
	if id == 0 {
		r.t.Fatal("no feed was opened")
	}
	return id, got, refresh, ended
}

func (r *room) fed(id mixer.FeedID, data string) {
	r.engine.emit(mixer.Fed{Feed: id, Packet: mixer.Packet{Data: []byte(data)}})
}

// TestAFeedEndsWhenItIsTold: packets may come until the engine says that there are no more.
func TestAFeedEndsWhenItIsTold(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		ctx, cancel := context.WithCancel(t.Context())
		id, got, refresh, ended := play(ctx, r)
		r.fed(id, "a")
		r.fed(99, "of another feed")
		refresh <- struct{}{}
		synctest.Wait()
		r.expect("a keyframe", mixer.RequestFeedKeyframe{Feed: id})
		cancel()
		synctest.Wait()
		r.expect("the end", mixer.CloseFeed{Feed: id})
		select {
		case err := <-ended:
			t.Errorf("it ended with %v before the engine said so", err)
		default:
		}
		r.fed(id, "b")
		r.engine.emit(mixer.FeedEnded{Feed: id})
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
		r.fed(id, "c")
		r.engine.emit(mixer.FeedEnded{Feed: id})
		if s := strings.Join(*got, " "); s != "a b" {
			t.Errorf("got %q, want a b", s)
		}
		r.expect("nothing more")
	})
}

func TestAFeedThatBreaksSaysWhy(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		id, _, _, ended := play(t.Context(), r)
		r.engine.emit(mixer.FeedEnded{Feed: id, Failure: &mixer.Failure{Text: "no such file"}})
		if err := <-ended; err == nil || err.Error() != "no such file" {
			t.Errorf("it ended with %v", err)
		}
		if len(r.feeds) != 0 {
			t.Errorf("%d feeds are left", len(r.feeds))
		}
	})
}

func TestAFeedEndsWithTheEngine(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		_, _, _, ended := play(t.Context(), r)
		ctx, cancel := context.WithCancel(t.Context())
		_, _, _, canceled := play(ctx, r)
		cancel()
		synctest.Wait()
		r.end()
		if err := <-ended; !errors.Is(err, mixer.ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
		if err := <-canceled; err != nil {
			t.Errorf("one that was canceled ended with %v", err)
		}
		if err := r.OpenFeed(mixer.FeedSpec{}).Run(t.Context(), func(mixer.Packet) {}, nil); !errors.Is(err, mixer.ErrClosed) {
			t.Errorf("another one: %v", err)
		}
	})
}
