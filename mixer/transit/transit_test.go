package transit

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

func TestTheZeroFloorIsReady(t *testing.T) {
	var f Floor
	if f.Known() || f.Value() != 0 {
		t.Errorf("before the first packet: known %v, %v", f.Known(), f.Value())
	}
	f.Add(0, -time.Hour) // the sender's clock is ahead of ours
	if !f.Known() || f.Value() != -time.Hour {
		t.Errorf("after the first packet: known %v, %v", f.Known(), f.Value())
	}
}

// TestFloor adds packets at given times and looks at the floor after each.
func TestFloor(t *testing.T) {
	type step struct{ now, transit, want time.Duration }
	for name, steps := range map[string][]step{
		"the least counts at once":        {{0, 50 * ms, 50 * ms}, {10 * ms, 30 * ms, 30 * ms}, {20 * ms, 70 * ms, 30 * ms}},
		"for one window at least":         {{0, 10 * ms, 10 * ms}, {999 * ms, 40 * ms, 10 * ms}, {1000 * ms, 40 * ms, 10 * ms}, {1999 * ms, 40 * ms, 10 * ms}},
		"for two windows at most":         {{0, 10 * ms, 10 * ms}, {1000 * ms, 40 * ms, 10 * ms}, {2000 * ms, 40 * ms, 40 * ms}},
		"from the end of a window":        {{0, 40 * ms, 40 * ms}, {990 * ms, 10 * ms, 10 * ms}, {1000 * ms, 40 * ms, 10 * ms}, {2000 * ms, 40 * ms, 40 * ms}},
		"a lower one replaces it":         {{0, 40 * ms, 40 * ms}, {1000 * ms, 20 * ms, 20 * ms}, {2000 * ms, 30 * ms, 20 * ms}, {3000 * ms, 30 * ms, 30 * ms}},
		"after silence of many windows":   {{0, 10 * ms, 10 * ms}, {time.Minute, 40 * ms, 10 * ms}, {time.Minute + time.Second, 40 * ms, 40 * ms}},
		"a window begins with its packet": {{0, 10 * ms, 10 * ms}, {1500 * ms, 40 * ms, 10 * ms}, {2400 * ms, 40 * ms, 10 * ms}, {2500 * ms, 40 * ms, 40 * ms}},
	} {
		var f Floor
		for i, s := range steps {
			f.Add(s.now, s.transit)
			if f.Value() != s.want {
				t.Errorf("%s: step %d: %v, want %v", name, i, f.Value(), s.want)
			}
		}
	}
}

// TestFloorIsALeastOfTheLastSeconds compares with a list of all packets that came at least every 100 ms.
func TestFloorIsALeastOfTheLastSeconds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			f        Floor
			now      time.Duration
			times    []time.Duration
			transits []time.Duration
		)
		for range rapid.IntRange(1, 200).Draw(t, "packets") {
			now += rapid.Custom(draw(0, 100*ms)).Draw(t, "step")
			transit := rapid.Custom(draw(-time.Second, time.Second)).Draw(t, "transit")
			f.Add(now, transit)
			times, transits = append(times, now), append(transits, transit)
			least := func(since time.Duration) time.Duration {
				i, _ := slices.BinarySearch(times, now-since)
				return slices.Min(transits[i:])
			}
			const longest = 2*window + 2*100*ms // a window ends with the packet after its end
			if got := f.Value(); got > least(window-1) || got < least(longest) {
				t.Fatalf("at %v: %v, want at most the least of one second, %v, and at least that of two, %v", now, got, least(window-1), least(longest))
			}
		}
	})
}

func draw(from, to time.Duration) func(*rapid.T) time.Duration {
	return func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(int64(from), int64(to)).Draw(t, "duration"))
	}
}
