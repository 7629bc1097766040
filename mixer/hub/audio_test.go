package hub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
)

// hear subscribes to audio and leads the subscription to rendition 1 from tick 1 on.
func (r *room) hear(s Sink) *AudioSubscription {
	r.t.Helper()
	sub, err := r.Listen(r.t.Context(), mixer.Opus, 0, s)
	if err != nil {
		r.t.Fatal(err)
	}
	r.engine.sent()
	r.routeTo(sub, 1, 1)
	return sub
}

func (r *room) routeTo(sub *AudioSubscription, id mixer.RenditionID, tick int64) {
	r.engine.emit(mixer.Routed{Subscription: sub.id, Rendition: id, Tick: tick})
}

// tick delivers a packet of a rendition, called like "1.7": rendition 1, tick 7.
func (r *room) tick(name string) {
	var id mixer.RenditionID
	var n int64
	if _, err := fmt.Sscanf(name, "%d.%d", &id, &n); err != nil {
		r.t.Fatal(err)
	}
	r.engine.emit(mixer.Delivery{Rendition: id, Tick: n, Packets: []mixer.Packet{
		{Codec: mixer.Opus, Key: true, PTS: time.Duration(n) * 20 * time.Millisecond, Data: []byte("#" + name)},
	}})
}

// TestAudioIsRoutedByTicks: a word is a tick that is delivered, "2@5" routes to rendition 2 from tick 5 on.
func TestAudioIsRoutedByTicks(t *testing.T) {
	for name, c := range map[string]struct{ events, want string }{
		"in order":                       {"1.1 1.2 1.3", "1.1 1.2 1.3"},
		"from any tick on":               {"1@100 1.100 1.101", "1.100 1.101"},
		"a late tick":                    {"1.1 1.3 1.4 1.2 1.5", "1.1 1.2 1.3 1.4 1.5"},
		"a tick twice":                   {"1.1 1.2 1.2 1.1 1.3", "1.1 1.2 1.3"},
		"a missing tick is waited for":   {"1.1 1.3 1.4 1.5 1.6 1.7", "1.1"},
		"but not for long":               {"1.1 1.3 1.4 1.5 1.6 1.7 1.8", "1.1 1.3 1.4 1.5 1.6 1.7 1.8"},
		"then it is too late":            {"1.1 1.3 1.4 1.5 1.6 1.7 1.8 1.2 1.9", "1.1 1.3 1.4 1.5 1.6 1.7 1.8 1.9"},
		"several missing":                {"1.1 1.4 1.6 1.7 1.8 1.9 1.10", "1.1 1.4"},
		"several missing, more to come":  {"1.1 1.4 1.6 1.7 1.8 1.9 1.10 1.11", "1.1 1.4 1.6 1.7 1.8 1.9 1.10 1.11"},
		"a move":                         {"1.1 1.2 2@3 2.3 2.4", "1.1 1.2 2.3 2.4"},
		"both overlap":                   {"1.1 2@3 2.1 2.2 1.2 1.3 2.3 1.4 2.4", "1.1 1.2 2.3 2.4"},
		"the new one is first":           {"1.1 2@3 2.3 2.4 1.2 2.5", "1.1 1.2 2.3 2.4 2.5"},
		"the old one is slow":            {"1.1 2@4 2.4 2.5 2.6 1.2 2.7 1.3", "1.1 1.2 1.3 2.4 2.5 2.6 2.7"},
		"the old one is too slow":        {"1.1 2@3 2.3 2.4 2.5 2.6 2.7 2.8 1.2 2.9", "1.1 2.3 2.4 2.5 2.6 2.7 2.8 2.9"},
		"there and back":                 {"1.1 2@2 2.2 1@3 1.2 1.3 2.3", "1.1 2.2 1.3"},
		"there and back before any tick": {"2@1 1@1 2.1 1.1 1.2", "1.1 1.2"},
		"through three":                  {"1.1 2@2 2.2 3@3 3.3 1.4 2.4 3.4", "1.1 2.2 3.3 3.4"},
		"a route ahead of time":          {"2@10 1.1 1.2", "1.1 1.2"},
		"another rendition":              {"7.1 1.1", "1.1"},
	} {
		inRoom(t, func(t *testing.T, r *room) {
			s := &recorder{}
			sub := r.hear(s)
			for word := range strings.FieldsSeq(c.events) {
				var id mixer.RenditionID
				var n int64
				if _, err := fmt.Sscanf(word, "%d@%d", &id, &n); err == nil {
					r.routeTo(sub, id, n)
				} else {
					r.tick(word)
				}
			}
			r.is(name, s, c.want)
			s.rises(t)
		})
	}
}

// TestATickWithoutPacketsCounts: AAC packets are longer than ticks.
func TestATickWithoutPacketsCounts(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &recorder{}
		r.hear(s)
		r.tick("1.1")
		r.tick("1.3")
		r.engine.emit(mixer.Delivery{Rendition: 1, Tick: 2})
		r.is("nothing is missing", s, "1.1 1.3")
	})
}

// TestAudioTimesRise: the packets of two encoders need not fit.
func TestAudioTimesRise(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &recorder{}
		r.hear(s)
		for n, pts := range []time.Duration{20, 20, 10, 40} {
			r.engine.emit(mixer.Delivery{Rendition: 1, Tick: int64(n + 1), Packets: []mixer.Packet{{Codec: mixer.Opus, PTS: pts * time.Millisecond}}})
		}
		for i, want := range []time.Duration{20, 21, 22, 40} {
			if got := s.packets[i].PTS; got != want*time.Millisecond {
				t.Errorf("packet %d has the time %v, want %d ms", i, got, want)
			}
		}
	})
}

func TestACloseEndsListening(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s, other := &recorder{}, &recorder{}
		sub := r.hear(s)
		r.hear(other)
		r.tick("1.1")
		if a, b := s.newest().Payloads(), other.newest().Payloads(); len(a) != 1 || &a[0] != &b[0] {
			t.Error("payloads are not shared")
		}
		sub.Close()
		sub.Close()
		r.expect("it was closed", mixer.Unsubscribe{Subscription: sub.id})
		r.tick("1.2")
		r.routeTo(sub, 2, 3)
		r.tick("2.3")
		r.is("only the first tick", s, "1.1")
		r.is("the other goes on", other, "1.1 1.2")
		var none *AudioSubscription
		none.Close()
		r.engine.emit(mixer.Ended{Rendition: 1})
		r.tick("1.3")
		r.is("nothing after the end", other, "")
	})
}

// TestARenditionForgetsWhoMovedAway: with the second route after that one, or at once when the subscription is closed.
func TestARenditionForgetsWhoMovedAway(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		sub := r.hear(&recorder{})
		r.routeTo(sub, 2, 2)
		r.routeTo(sub, 3, 3)
		for id, want := range map[mixer.RenditionID]int{1: 0, 2: 1, 3: 1} {
			if got := len(r.audios[id].subs); got != want {
				t.Errorf("rendition %d has %d subscriptions, want %d", id, got, want)
			}
		}
		sub.Close()
		for id, a := range r.audios {
			if len(a.subs) != 0 {
				t.Errorf("rendition %d has %d subscriptions after Close", id, len(a.subs))
			}
		}
	})
}
