package hub

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/codec/pack"
	"azulejo/mixer"
)

func TestASubscriptionMovesAtAKeyframe(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &recorder{}
		sub := r.watch(s)
		r.encoded(1, "K0")
		r.assignTo(sub, 1)
		r.encoded(1, "a")
		r.is("before the first keyframe", s, "")
		r.encoded(1, "K1")
		r.encoded(1, "b")
		r.is("from the first keyframe on", s, "K1 b")
		r.assignTo(sub, 2)
		r.encoded(1, "c")
		r.encoded(2, "x")
		r.encoded(1, "d")
		r.is("while the next one has no keyframe", s, "c d")
		r.expect("until then")
		r.encoded(2, "K2")
		r.is("the keyframe", s, "K2")
		r.expect("the move", mixer.Leave{Subscription: sub.id, Rendition: 1})
		r.encoded(1, "K3")
		r.encoded(2, "e")
		r.is("after the move", s, "e")
		s.rises(t) // all packets have the same time
	})
}

func TestARenditionThatWaitsIsReplaced(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &recorder{}
		sub := r.watch(s)
		r.assignTo(sub, 1)
		r.encoded(1, "K1")
		r.assignTo(sub, 2)
		r.assignTo(sub, 3)
		r.expect("another one instead", mixer.Leave{Subscription: sub.id, Rendition: 2})
		r.encoded(2, "K2")
		r.encoded(1, "a")
		r.encoded(3, "K3")
		r.is("the third one", s, "K1 a K3")
		r.expect("the move", mixer.Leave{Subscription: sub.id, Rendition: 1})
		r.assignTo(sub, 4)
		r.assignTo(sub, 3)
		r.expect("back to the current one", mixer.Leave{Subscription: sub.id, Rendition: 4})
		r.encoded(4, "K4")
		r.encoded(3, "b")
		r.is("it goes on without a keyframe", s, "b")
		r.assignTo(sub, 4)
		r.encoded(4, "K5")
		r.is("one that was left may be assigned again", s, "K5")
	})
}

// assigning is a sink that has another subscription assigned a rendition, between the keyframe that this one gets and
// the moment at which it leaves the rendition before.
type assigning struct{ assign func() }

func (s assigning) WritePacket(Packet) { s.assign() }

// TestARenditionIsAssignedAgainWhileItIsLeft: the view changes there and back.
func TestARenditionIsAssignedAgainWhileItIsLeft(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &recorder{}
		sub := r.watch(s)
		r.assignTo(sub, 1)
		r.encoded(1, "K1")
		r.assignTo(sub, 2)
		r.assignTo(r.watch(assigning{sync.OnceFunc(func() { r.assignTo(sub, 1) })}), 2)
		r.encoded(2, "K2")
		r.expect("it stays and waits for a keyframe", mixer.RequestKeyframe{Rendition: 1})
		r.encoded(1, "a")
		r.encoded(2, "b")
		r.is("until then", s, "K1 K2 b")
		r.encoded(1, "K3")
		r.encoded(1, "c")
		r.is("it is back", s, "K3 c")
		r.expect("the other one is left", mixer.Leave{Subscription: sub.id, Rendition: 2})
	})
}

func TestTheCurrentRenditionOnlyChangesRungs(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &recorder{}
		sub := r.watch(s)
		if sub.Rungs() != nil || sub.Rendition() != (mixer.RenditionStats{}) {
			t.Errorf("before the first assignment: %v, %+v", sub.Rungs(), sub.Rendition())
		}
		sub.RequestKeyframe() // of nothing
		large, small := mixer.Rung{Size: mixer.Size{W: 320, H: 176}}, mixer.Rung{Size: mixer.Size{W: 160, H: 88}}
		r.assignTo(sub, 1, large, small)
		if got := sub.Rendition(); got.ID != 1 || got.Codec != mixer.H264 || got.Width != 320 || got.View != "v" {
			t.Errorf("it waits for %+v", got)
		}
		r.encoded(1, "K1")
		r.assignTo(sub, 1, small)
		r.encoded(1, "a")
		r.encoded(1, "K2")
		r.is("it goes on", s, "K1 a K2")
		r.expect("nothing to do")
		if !slices.Equal(sub.Rungs(), []mixer.Rung{small}) {
			t.Errorf("the rungs are %v", sub.Rungs())
		}
	})
}

func TestACloseEndsASubscription(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &recorder{}
		sub := r.watch(s)
		r.assignTo(sub, 1)
		r.encoded(1, "K1")
		r.assignTo(sub, 2)
		sub.Close()
		sub.Close()
		r.expect("it was closed", mixer.Unsubscribe{Subscription: sub.id})
		r.encoded(1, "a")
		r.encoded(2, "K2")
		r.assignTo(sub, 3)
		r.encoded(3, "K3")
		r.is("only the first packet", s, "K1")
		if err := sub.Change(t.Context(), mixer.Watching{}); !errors.Is(err, mixer.ErrClosed) {
			t.Errorf("change: %v", err)
		}
		sub.RequestKeyframe()
		r.expect("nobody is asked")
		var none *VideoSubscription
		none.Close()
	})
}

// closing is a sink that fails the test for packets that come after Close.
type closing struct {
	t      *testing.T
	closed atomic.Bool
	n      atomic.Int32
}

func (s *closing) WritePacket(Packet) {
	s.n.Add(1)
	if s.closed.Load() {
		s.t.Error("a packet after Close")
	}
}

func TestNoPacketComesAfterClose(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		quit := make(chan struct{})
		t.Cleanup(func() { close(quit) })
		for id := range mixer.RenditionID(2) {
			go func() {
				for {
					select {
					case <-quit:
						return
					default:
						r.encoded(id+1, "K")
					}
				}
			}()
		}
		for range 100 {
			s := &closing{t: t}
			sub := r.watch(s)
			r.assignTo(sub, 1)
			r.assignTo(sub, 2)
			for s.n.Load() < 2 {
				time.Sleep(0)
			}
			sub.Close()
			s.closed.Store(true)
		}
	})
}

func TestAnErrorLeavesNoSubscription(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		r.engine.fails = mixer.ErrNoView
		sub, err := r.Watch(t.Context(), mixer.Watching{Name: "hall"}, &recorder{})
		if sub != nil || !errors.Is(err, mixer.ErrNoView) {
			t.Errorf("watch: %v", err)
		}
		ears, err := r.Listen(t.Context(), mixer.H264, 0, &recorder{})
		if ears != nil || !errors.Is(err, mixer.ErrNoView) {
			t.Errorf("listen: %v", err)
		}
		if len(r.videoSubs)+len(r.audioSubs) != 0 {
			t.Errorf("%d and %d subscriptions are left", len(r.videoSubs), len(r.audioSubs))
		}
		r.engine.fails = nil
		watched := r.watch(&recorder{})
		r.engine.fails = mixer.ErrUnsupported
		if err := watched.Change(t.Context(), mixer.Watching{}); !errors.Is(err, mixer.ErrUnsupported) {
			t.Errorf("change: %v", err)
		}
	})
}

func TestLayoutsComeBeforeTheirPackets(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s, late := &layoutRecorder{}, &layoutRecorder{}
		sub := r.watch(s)
		r.assignTo(sub, 1)
		a, b := layoutOf("a"), layoutOf("b")
		r.engine.emit(mixer.Delivery{Rendition: 1, Layout: a, Packets: []mixer.Packet{r.composed("x")}})
		r.is("no keyframe yet", s, "")
		r.encoded(1, "K1")
		r.encoded(1, "y")
		r.is("the layout of the packet before", s, "layout:a K1 y")
		r.engine.emit(mixer.Delivery{Rendition: 1, Layout: b})
		r.is("a layout alone", s, "")
		r.encoded(1, "z")
		r.engine.emit(mixer.Delivery{Rendition: 1, Layout: b, Packets: []mixer.Packet{r.composed("z2")}})
		r.is("with the next packet, once", s, "layout:b z z2")
		other := r.watch(late)
		r.assignTo(other, 1)
		r.encoded(1, "K2")
		r.is("who comes later", late, "layout:b K2")
		r.is("the first one", s, "K2")
		r.assignTo(sub, 2)
		r.engine.emit(mixer.Delivery{Rendition: 2, Layout: b, Packets: []mixer.Packet{r.composed("K3")}})
		r.is("another rendition", s, "layout:b K3")
	})
}

func TestKeyframesAreRequestedOfTheNextRendition(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		sub := r.watch(&recorder{})
		r.assignTo(sub, 1)
		sub.RequestKeyframe()
		r.expect("it waits for the first", mixer.RequestKeyframe{Rendition: 1})
		r.encoded(1, "K1")
		sub.RequestKeyframe()
		r.expect("it has the first", mixer.RequestKeyframe{Rendition: 1})
		r.assignTo(sub, 2)
		sub.RequestKeyframe()
		r.expect("it waits for the second", mixer.RequestKeyframe{Rendition: 2})
	})
}

// TestPayloadsAreCutOnceForAll: by the boundaries of the engine, or here.
func TestPayloadsAreCutOnceForAll(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		one, two := &recorder{}, &recorder{}
		for _, s := range []*recorder{one, two} {
			r.assignTo(r.watch(s), 1)
		}
		data := append([]byte{0, 0, 0, 1, 0x65}, make([]byte, 3000)...)
		for i := range data[5:] {
			data[5+i] = byte(i)%200 + 1
		}
		for _, boundaries := range [][]mixer.Boundary{pack.Cut(mixer.H264, data), nil} {
			r.engine.emit(mixer.Delivery{Rendition: 1, Packets: []mixer.Packet{{Codec: mixer.H264, Key: true, Data: data, Boundaries: boundaries}}})
			synctest.Wait()
			a, b := one.newest().Payloads(), two.newest().Payloads()
			want := pack.Payloads(mixer.H264, data)
			if len(a) != 3 || !slices.EqualFunc(a, want, slices.Equal) || &a[0][0] != &b[0][0] {
				t.Errorf("%d and %d payloads, want the same %d in the same memory", len(a), len(b), len(want))
			}
		}
	})
}

func TestARenditionThatEndedIsForgotten(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &recorder{}
		sub := r.watch(s)
		r.assignTo(sub, 1)
		r.encoded(1, "K1")
		r.engine.emit(mixer.Ended{Rendition: 1})
		r.engine.emit(mixer.Ended{Rendition: 1})
		r.encoded(1, "K2")
		r.is("nothing after the end", s, "K1")
		if len(r.renditions) != 0 {
			t.Errorf("%d renditions are left", len(r.renditions))
		}
	})
}
