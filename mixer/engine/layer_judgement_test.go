package engine

import (
	"bytes"
	"image"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
)

func TestALayerIsJudgedByItsFrames(t *testing.T) {
	begin := time.Now()
	const s = time.Second
	type step struct {
		after time.Duration
		what  string // "frame", "miss", "dropped" or "" for nothing
		bad   bool   // the layer is condemned now
	}
	misses := []step{{0, "miss", false}, {s, "miss", false}, {1500 * time.Millisecond, "miss", true}}
	for name, steps := range map[string][]step{
		"it never decodes":                        misses,
		"a frame in between":                      {{0, "miss", false}, {s, "frame", false}, {2 * s, "miss", false}, {3 * s, "miss", false}, {4 * s, "miss", true}},
		"one miss, and then no packets":           {{0, "miss", false}, {time.Minute, "", false}},
		"packets were dropped here":               {{0, "miss", false}, {s, "dropped", false}, {2 * s, "miss", false}, {9 * s, "miss", false}},
		"and then none decodes":                   {{0, "dropped", false}, {s, "frame", false}, {2 * s, "miss", false}, {4 * s, "miss", true}},
		"it is tried again":                       append(misses[:3:3], step{31 * s, "", true}, step{32 * s, "", false}),
		"a frame while nothing better takes over": append(misses[:3:3], step{2 * s, "frame", false}),
		"in vain, and then it waits twice as long": append(misses[:3:3],
			step{32 * s, "miss", false}, step{34 * s, "miss", true}, step{93 * s, "", true}, step{95 * s, "", false}),
		"it was good for a minute in between": append(misses[:3:3],
			step{32 * s, "frame", false}, step{92 * s, "frame", false}, step{93 * s, "miss", false}, step{95 * s, "miss", true}, step{126 * s, "", false}),
		"it was good for half a minute in between": append(misses[:3:3],
			step{32 * s, "frame", false}, step{62 * s, "frame", false}, step{63 * s, "miss", false}, step{65 * s, "miss", true}, step{124 * s, "", true}),
	} {
		var j judgement
		for i, st := range steps {
			now := begin.Add(st.after)
			switch st.what {
			case "frame":
				j.pass(now)
			case "miss":
				j.miss(now)
			case "dropped":
				j.excuse()
			}
			if got := j.condemned(now); got != st.bad {
				t.Errorf("%s, step %d: condemned %v, want %v", name, i, got, st.bad)
			}
		}
	}
}

// garble damages all slices of a packet and keeps its parameter sets.
func garble(p mixer.Packet) mixer.Packet {
	p.Data = bytes.Clone(p.Data)
	from := max(bytes.LastIndex(p.Data, []byte{0, 0, 1})+8, 0)
	for i := from; i < len(p.Data); i++ {
		p.Data[i] = byte(i*7)%250 + 3
	}
	return p
}

// TestALayerThatNeverWorksGivesWay damages the smaller layer in different ways. The larger layer is shown within 3 s.
func TestALayerThatNeverWorksGivesWay(t *testing.T) {
	tests := map[string]func(*testing.T){}
	for name, damage := range map[string]func(mixer.Packet) (mixer.Packet, bool){
		"no packets":       func(p mixer.Packet) (mixer.Packet, bool) { return p, false },
		"no keyframes":     func(p mixer.Packet) (mixer.Packet, bool) { p.Key = false; return p, true },
		"undecodable":      func(p mixer.Packet) (mixer.Packet, bool) { return garble(p), true },
		"only lost":        func(p mixer.Packet) (mixer.Packet, bool) { p.Lost, p.Key = true, false; return p, true },
		"one keyframe":     oneKeyframe(),
		"empty keyframes":  func(p mixer.Packet) (mixer.Packet, bool) { p.Data = p.Data[:min(len(p.Data), 5)]; return p, true },
		"of another codec": func(p mixer.Packet) (mixer.Packet, bool) { p.Codec = mixer.H265; return p, true },
	} {
		tests[name] = func(t *testing.T) {
			m := run(t, mixer.Config{Width: 160, Height: 90, FPS: 20})
			src := m.AddSource(SourceConfig{Name: "a", Layers: 2})
			v := attend(t, m, mixer.Watching{Codec: mixer.H264}, nil)
			began := time.Now()
			film{id: mixer.H264, w: 160, h: 90, colour: codec.RGB(0, 0, 200), gop: 10, write: func(p mixer.Packet) {
				if spoilt, ok := damage(p); ok {
					src.WriteLayer(1, spoilt)
				}
			}}.run(t)
			film{id: mixer.H264, w: 320, h: 180, colour: red, blinking: true, gop: 10, write: func(p mixer.Packet) { src.WriteLayer(0, p) }}.run(t)
			eventually(t, 6*time.Second, "the larger layer is shown", func() bool { return v.shows(image.Rect(20, 20, 100, 60), red) })
			if d := time.Since(began); d > 3*time.Second {
				t.Errorf("it took %v", d)
			}
		}
	}
	together(t, tests)
}

// oneKeyframe passes one keyframe, and nothing for ever after.
func oneKeyframe() func(mixer.Packet) (mixer.Packet, bool) {
	n := 0
	return func(p mixer.Packet) (mixer.Packet, bool) { n++; return p, n == 1 }
}

// TestACondemnedLayerMustProveItself: a layer that did not decode comes back at a keyframe that does.
func TestACondemnedLayerMustProveItself(t *testing.T) {
	noFrames(t)
	cfg := codec.VideoConfig{Codec: mixer.H264, Width: 160, Height: 90, FPS: 20, Bitrate: 300_000, Preset: "ultrafast"}
	packets := codectest.Encode(t, cfg, 1, 1, func(f *codec.Frame, _ int) { f.Fill(f.Bounds(), red) })
	if len(packets) != 1 {
		t.Fatalf("%d packets", len(packets))
	}
	if !decodes(packets[0], 0) {
		t.Error("a good keyframe does not decode")
	}
	if decodes(garble(packets[0]), 0) || decodes(packets[0], 100) || decodes(mixer.Packet{Codec: "x"}, 0) {
		t.Error("a keyframe decodes that is damaged, too large or of no codec")
	}
}
