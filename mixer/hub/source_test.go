package hub

import (
	"slices"
	"strings"
	"testing"

	"azulejo/mixer"
)

func TestASourceIsCommanded(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := r.AddSource(SourceConfig{SourceSpec: mixer.SourceSpec{Name: "a", Place: 3, Screen: true}})
		r.expect("a new source", mixer.AddSource{Source: s.ID(), Spec: mixer.SourceSpec{ID: "a", Name: "a", Place: 3, Screen: true, Layers: 1}})
		s.SetMuted(true, false)
		s.SetAway(true)
		r.expect("its states", mixer.MuteSource{Source: s.ID(), Audio: true}, mixer.SetAway{Source: s.ID(), Away: true})
		s.WriteVideo(0, mixer.Packet{Data: []byte("v")})
		s.WriteVideo(1, mixer.Packet{Data: []byte("no such layer")})
		s.WriteVideo(-1, mixer.Packet{Data: []byte("no such layer")})
		s.WriteAudio(mixer.Packet{Data: []byte("a")})
		if n := len(r.engine.commands); n != 2 {
			t.Errorf("%d packets went on, want 2", n)
		}
		r.engine.sent()
		s.Close()
		s.Close()
		r.expect("its end", mixer.RemoveSource{Source: s.ID()})
		var none *Source
		none.Close()
		if none.ID() != 0 || s.ID() == 0 {
			t.Error("only no source is zero")
		}
	})
}

func TestASourceIsToldOfDemand(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		keyframes, demands := 0, []mixer.Demand{}
		s := r.AddSource(SourceConfig{
			KeyframeWanted: func() { keyframes++ }, Demanded: func(d mixer.Demand) { demands = append(demands, d) },
		})
		other := r.AddSource(SourceConfig{})
		for _, id := range []mixer.SourceID{s.ID(), other.ID(), 99} {
			r.engine.emit(mixer.KeyframeWanted{Source: id})
			r.engine.emit(mixer.Demanded{Source: id, Demand: mixer.Demand{Width: int(id)}})
			r.engine.emit(mixer.Delayed{Source: id})
		}
		s.Close()
		r.engine.emit(mixer.KeyframeWanted{Source: s.ID()})
		if keyframes != 1 || !slices.Equal(demands, []mixer.Demand{{Width: int(s.ID())}}) {
			t.Errorf("%d keyframes, demands %v; want one each", keyframes, demands)
		}
	})
}

// TestATapFollowsTheDemand: the wanted layer takes over at its keyframe. A word is a packet, "0K" is a keyframe of
// layer 0, "=1" demands layer 1.
func TestATapFollowsTheDemand(t *testing.T) {
	for name, c := range map[string]struct{ events, want string }{
		"the smallest at first":         {"0K 1K 2K 0a 1a 2a", "2K 2a"},
		"also without a keyframe":       {"2a 2K", "2a 2K"},
		"another from its keyframe on":  {"2K =0 0a 2a 0K 2b 0b", "2K 2a 0K 0b"},
		"a demand that is taken back":   {"2K =0 0a =2 0K 2a", "2K 2a"},
		"through another":               {"2K =1 =0 1K 2a 0K 1a 0a", "2K 2a 0K 0a"},
		"one that never has a keyframe": {"2K =1 1a 1b 2a 2K", "2K 2a 2K"},
	} {
		inRoom(t, func(t *testing.T, r *room) {
			s := r.AddSource(SourceConfig{SourceSpec: mixer.SourceSpec{Layers: 3}})
			var got []string
			tap := s.Tap(func(u TappedUnit) {
				got = append(got, string(u.Data))
				if u.Source != s || u.Layer != int(u.Data[0]-'0') || u.Came.Sub(r.Epoch()) != r.now() {
					t.Errorf("%s: %+v", name, u)
				}
			})
			for word := range strings.FieldsSeq(c.events) {
				if layer, is := strings.CutPrefix(word, "="); is {
					r.engine.emit(mixer.Demanded{Source: s.ID(), Demand: mixer.Demand{Layer: int(layer[0] - '0')}})
					continue
				}
				s.WriteVideo(int(word[0]-'0'), mixer.Packet{Key: word[1] == 'K', Data: []byte(word)})
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: got %v, want %s", name, got, c.want)
			}
			if !s.Tapped() {
				t.Error("it is not tapped")
			}
			tap.Close()
			tap.Close()
			s.WriteVideo(2, mixer.Packet{Data: []byte("after")})
			if n := len(strings.Fields(c.want)); len(got) != n || s.Tapped() {
				t.Errorf("%s: a packet after Close", name)
			}
			var none *Tap
			none.Close()
		})
	}
}
