package room

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
)

// TestConditionsOfParticipants: a member's reports reach the snapshot of the room and the function of the configuration. The next
// holder of the place starts without them.
func TestConditionsOfParticipants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []string
		reg := open(t, Config{ConditionChanged: func(room, id, name string, c mixer.Condition) {
			mu.Lock()
			defer mu.Unlock()
			if room != "yard" || id == "" || name != "gate" || c.Since.IsZero() {
				t.Errorf("room %q, participant %q %q, %+v", room, id, name, c)
			}
			told = append(told, string(c.State)+" "+string(c.Reason))
		}})
		j := keyed("gate")
		gate := enter(t, reg, "yard", j)
		expect := func(state mixer.State, reason mixer.Reason, detail string) {
			t.Helper()
			time.Sleep(time.Second)
			p := settle(t, reg, "yard").Participants[0]
			if p.State != state || p.Reason != reason || p.Detail != detail || time.Since(p.Since) > 2*time.Second {
				t.Errorf("got %s, %s, %q since %v; want %s, %s, %q", p.State, p.Reason, p.Detail, p.Since, state, reason, detail)
			}
			if last := gate.place.lastCondition(); last.State != p.State || last.Trouble != (mixer.Trouble{Reason: p.Reason, Detail: p.Detail}) {
				t.Errorf("the last condition is %+v; the snapshot says %+v", last, p)
			}
		}
		gate.ReportTrouble(mixer.Trouble{Reason: mixer.ReasonWrongPassword, Detail: "401"})
		expect(mixer.Connecting, mixer.ReasonWrongPassword, "401")
		gate.ReportTrouble(mixer.Trouble{Reason: mixer.ReasonTimeout, Detail: "no answer"})
		expect(mixer.Connecting, mixer.ReasonTimeout, "no answer")
		gate.Lose()
		gate.ReportTrouble(mixer.Trouble{Reason: mixer.ReasonRefused}) // of a membership that has ended
		expect(mixer.Reconnecting, mixer.ReasonTimeout, "no answer")
		gate = enter(t, reg, "yard", j)
		expect(mixer.Connecting, mixer.ReasonConnecting, "no video has come yet")
		enter(t, reg, "yard", Joining{}).ReportTrouble(mixer.Trouble{Reason: mixer.ReasonRefused}) // a viewer has no source
		mu.Lock()
		defer mu.Unlock()
		want := []string{"connecting connecting", "connecting wrong-password", "connecting timeout", "reconnecting timeout", "connecting connecting"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// TestSourceLeft: each way to leave a room is told once, after all conditions of the source. A viewer has no source.
func TestSourceLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		told := map[string][]string{} // by participant
		add := func(id, text string) {
			mu.Lock()
			defer mu.Unlock()
			told[id] = append(told[id], text)
		}
		ctx, cancel := context.WithCancel(t.Context())
		reg, err := NewRegistry(Config{
			Mixer: mixer.Config{Width: 64, Height: 64, FPS: 5}, Engine: mixertest.Start,
			ConditionChanged: func(_, id, _ string, c mixer.Condition) { add(id, string(c.State)) },
			SourceLeft: func(room, id, name string) {
				if room != "yard" || name == "" {
					t.Errorf("room %q, name %q", room, name)
				}
				add(id, "left")
			},
		}, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- reg.Run(ctx) }()
		leaves, breaks := enter(t, reg, "yard", keyed("leaves")), enter(t, reg, "yard", keyed("breaks"))
		stays, away := enter(t, reg, "yard", keyed("stays")), enter(t, reg, "yard", keyed("away"))
		changes := keyed("changes")
		first := enter(t, reg, "yard", changes)
		changes.Layers = 2
		second := enter(t, reg, "yard", changes)
		enter(t, reg, "yard", Joining{}).Leave()
		late := leaves.room.onCondition(leaves.place)
		leaves.Leave()
		breaks.Lose()
		time.Sleep(DefaultGrace + 2*time.Second)
		settle(t, reg, "yard")
		synctest.Wait()
		late(mixer.Condition{State: mixer.Live}) // a goroutine of the mixer that was slow
		mu.Lock()
		before := slices.Clone(told[stays.ID()])
		mu.Unlock()
		away.Lose()
		time.Sleep(time.Second)
		cancel()
		for _, m := range []*Member{stays, first, second} {
			m.Leave()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		want := map[string][]string{
			leaves.ID(): {"connecting", "left"}, breaks.ID(): {"connecting", "reconnecting", "left"},
			first.ID(): {"connecting", "left", "connecting", "left"}, stays.ID(): {"connecting", "left"},
			away.ID(): {"connecting", "reconnecting", "left"},
		}
		if d := cmp.Diff(want, told); d != "" || !slices.Equal(before, []string{"connecting"}) {
			t.Errorf("told (-want +got):\n%s\nbefore the end: %q", d, before)
		}
	})
}

// TestAnotherSourceNeedsAnotherPlace: a member that joins again with other settings of its source gets a new source.
func TestAnotherSourceNeedsAnotherPlace(t *testing.T) {
	reg := open(t, Config{})
	for name, change := range map[string]func(*Joining){
		"frozen": func(j *Joining) { j.FrozenAfter = time.Minute },
		"solo":   func(j *Joining) { j.Solo = true },
		"layers": func(j *Joining) { j.Layers = 2 },
		"screen": func(j *Joining) { j.Screen = true },
		"same":   func(*Joining) {},
	} {
		j := keyed(name)
		first := enter(t, reg, name, j)
		change(&j)
		again := enter(t, reg, name, j)
		if same := first.Source() == again.Source(); same != (name == "same") || again.ID() != first.ID() {
			t.Errorf("%s: the same source: %v", name, same)
		}
	}
}
