package room

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer"
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
