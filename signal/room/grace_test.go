package room

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/mixer/mixertest"
)

func keyed(name string) Joining {
	j := publisher(name)
	j.Key = "key of " + name
	return j
}

// settle waits until the room has applied all commands so far, and describes it.
func settle(t *testing.T, reg *Registry, room string) Info {
	t.Helper()
	info, err := reg.Info(room)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func order(i Info) string {
	var all []Participant
	for _, p := range i.Participants {
		all = append(all, p.Participant)
	}
	return names(all)
}

// wantOrder wants these names in the yard, in the order of their places.
func wantOrder(t *testing.T, reg *Registry, want, when string) {
	t.Helper()
	if got := order(settle(t, reg, "yard")); got != want {
		t.Errorf("places are %q %s; want %s", got, when, want)
	}
}

// TestBrokenConnectionKeepsThePlace: the participant is away, and has the same place, id and source when it joins again
// within the grace.
func TestBrokenConnectionKeepsThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		first := enter(t, reg, "yard", keyed("first"))
		second := enter(t, reg, "yard", publisher("second"))
		first.Lose()
		e := <-second.Events()
		if got := names(e.Participants); got != "first second" || !e.Participants[0].Away || e.Participants[1].Away {
			t.Fatalf("second was sent %+v; want both in their order, the first away", e.Participants)
		}
		if got := settle(t, reg, "yard").Participants[0].State; got != mixer.Reconnecting {
			t.Errorf("the tile is %s; want %s", got, mixer.Reconnecting)
		}
		time.Sleep(14 * time.Second)
		back := enter(t, reg, "yard", keyed("first"))
		if back.ID() != first.ID() || back.Source() != first.Source() {
			t.Errorf("id %s became %s; want the same id and source", first.ID(), back.ID())
		}
		e = <-second.Events()
		if got := names(e.Participants); got != "first second" || e.Participants[0].Away {
			t.Errorf("second was sent %+v; want both in their order, nobody away", e.Participants)
		}
		time.Sleep(time.Minute)
		if got := settle(t, reg, "yard").Participants[0].State; got != mixer.Connecting {
			t.Errorf("the tile is %s after the return; want %s", got, mixer.Connecting)
		}
		select {
		case e := <-second.Events():
			t.Errorf("second was sent %+v although nothing happened", e.Participants)
		default:
		}
	})
}

func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		lost := enter(t, reg, "yard", keyed("lost"))
		other := enter(t, reg, "yard", publisher("other"))
		lost.Lose()
		start := time.Now()
		<-other.Events()
		if got := nextEventOf(other); got != "other" {
			t.Errorf("other was sent %q; want itself alone", got)
		}
		if d := time.Since(start); d < DefaultGrace || d > DefaultGrace+time.Second {
			t.Errorf("the place was removed after %v; want %v and a second at most", d, DefaultGrace)
		}
		back := enter(t, reg, "yard", keyed("lost"))
		if back.ID() == lost.ID() {
			t.Error("the id came back after the grace")
		}
		wantOrder(t, reg, "other lost", "after the grace")
	})
}

// nextEventOf waits without a timeout: a synctest bubble that is deadlocked fails the test.
func nextEventOf(m *Member) string { return names((<-m.Events()).Participants) }

// TestNoKeyNoGrace: the place of a publisher without a key is not kept, and neither is that of a viewer.
func TestNoKeyNoGrace(t *testing.T) {
	reg := open(t, Config{})
	other := enter(t, reg, "yard", publisher("other"))
	enter(t, reg, "yard", publisher("keyless")).Lose()
	viewer := Joining{Key: "k"}
	enter(t, reg, "yard", viewer).Lose()
	info := settle(t, reg, "yard")
	if got := order(info); got != "other" || info.Viewers != 0 {
		t.Errorf("there are %q and %d viewers; want other alone", got, info.Viewers)
	}
	if other.Err() != nil {
		t.Errorf("the other one ended with %v", other.Err())
	}
}

// TestAKeptPlaceHoldsTheRoom: the room stays open until the grace is over.
func TestAKeptPlaceHoldsTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{Grace: 5 * time.Second})
		lost := enter(t, reg, "yard", keyed("lost"))
		lost.Lose()
		time.Sleep(4 * time.Second)
		back := enter(t, reg, "yard", keyed("lost"))
		if back.Source() != lost.Source() {
			t.Error("the source is another one")
		}
		back.Lose()
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if n := len(reg.List()); n != 0 {
			t.Errorf("%d rooms; want none", n)
		}
	})
}

// TestReturnAsAScreen: a participant that is away and comes back as a shared screen keeps its id and its number, and gets
// another source.
func TestReturnAsAScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		lost := enter(t, reg, "yard", keyed("lost"))
		enter(t, reg, "yard", publisher("other"))
		lost.Lose()
		screen := keyed("lost")
		screen.Screen = true
		back := enter(t, reg, "yard", screen)
		if back.ID() != lost.ID() || back.Source() == lost.Source() {
			t.Errorf("id %s became %s; want the same id, and another source", lost.ID(), back.ID())
		}
		back.Leave()
		time.Sleep(20 * time.Second)
		wantOrder(t, reg, "other", "after another grace")
	})
}

// TestReturnToTheFormerPlace: a member that left has its place back within the grace, and the last place after it.
func TestReturnToTheFormerPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		a := enter(t, reg, "yard", keyed("a"))
		enter(t, reg, "yard", publisher("b"))
		a.Leave()
		wantOrder(t, reg, "b", "after a left")
		time.Sleep(10 * time.Second)
		enter(t, reg, "yard", publisher("c"))
		a = enter(t, reg, "yard", keyed("a"))
		wantOrder(t, reg, "a b c", "after a came back")
		a.Leave()
		time.Sleep(20 * time.Second)
		enter(t, reg, "yard", keyed("a"))
		wantOrder(t, reg, "b c a", "after a came back late")
	})
}

// TestCamerasHaveTheirPlaces: configured cameras have the first places, in any order of joins.
func TestCamerasHaveTheirPlaces(t *testing.T) {
	reg := open(t, Config{Rooms: map[string]Settings{"yard": {Cameras: []string{"gate", "door"}}}})
	camera := func(name string) Joining {
		return Joining{Name: name, Kind: Camera, Key: name, Publish: Media{Video: true}}
	}
	enter(t, reg, "yard", publisher("Ana"))
	enter(t, reg, "yard", publisher("gate"))
	enter(t, reg, "yard", camera("door"))
	gate := enter(t, reg, "yard", camera("gate"))
	wantOrder(t, reg, "gate door Ana gate", "at first")
	gate.Leave()
	enter(t, reg, "yard", camera("shed"))
	enter(t, reg, "yard", camera("gate"))
	wantOrder(t, reg, "gate door Ana gate shed", "with one more")
}

// TestViewersChangeNothing: no event, no source.
func TestViewersChangeNothing(t *testing.T) {
	reg := open(t, Config{})
	a := enter(t, reg, "yard", publisher("a"))
	enter(t, reg, "yard", Joining{Name: "viewer", Key: "k"}).Leave()
	enter(t, reg, "yard", Joining{})
	info := settle(t, reg, "yard")
	select {
	case e := <-a.Events():
		t.Errorf("a was sent %+v", e.Participants)
	default:
	}
	if info.Viewers != 1 || len(mixertest.Stats(t, a.Hub()).Sources) != 1 {
		t.Errorf("%d viewers, %d sources; want one each", info.Viewers, len(mixertest.Stats(t, a.Hub()).Sources))
	}
}

// TestOverload: all members get an event for each change of the level. At the highest level new members are refused, and
// returning ones are not.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		var level atomic.Int64
		reg.overloadOf = func(*hub.Hub) int { return int(level.Load()) }
		a := enter(t, reg, "yard", keyed("a"))
		viewer := enter(t, reg, "yard", Joining{})
		level.Store(mixer.OverloadJoins)
		for _, m := range []*Member{a, viewer} {
			if e := <-m.Events(); e.Overload != mixer.OverloadJoins {
				t.Errorf("the event has overload %d; want %d", e.Overload, mixer.OverloadJoins)
			}
		}
		for _, j := range []Joining{publisher("b"), {}, keyed("c")} {
			_, err := reg.Join(t.Context(), "yard", j)
			wantCode(t, err, CodeOverloaded)
		}
		a.Lose()
		a = enter(t, reg, "yard", keyed("a"))
		a.Leave()
		enter(t, reg, "yard", keyed("a"))
		level.Store(1)
		time.Sleep(1500 * time.Millisecond)
		enter(t, reg, "yard", publisher("b"))
		if got := settle(t, reg, "yard").Overload; got != 1 {
			t.Errorf("overload is %d; want 1", got)
		}
	})
}

// TestOverloadOfOneRoomCountsForAll: publishers and new rooms are refused. Viewers may join rooms that are not overloaded.
func TestOverloadOfOneRoomCountsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		var busy atomic.Pointer[hub.Hub]
		reg.overloadOf = func(m *hub.Hub) int {
			if busy.Load() == m {
				return mixer.OverloadJoins
			}
			return 0
		}
		a, b := enter(t, reg, "yard", keyed("a")), enter(t, reg, "hall", keyed("b"))
		busy.Store(a.Hub())
		time.Sleep(1500 * time.Millisecond)
		for _, c := range []struct {
			room string
			Joining
		}{{"hall", publisher("c")}, {"yard", Joining{}}, {"attic", publisher("c")}, {"attic", Joining{}}} {
			_, err := reg.Join(t.Context(), c.room, c.Joining)
			wantCode(t, err, CodeOverloaded)
		}
		if n := len(reg.List()); n != 2 {
			t.Errorf("%d rooms, want 2", n)
		}
		enter(t, reg, "hall", Joining{})
		b.Lose()
		enter(t, reg, "hall", keyed("b"))
		a.Leave() // with its room
		synctest.Wait()
		enter(t, reg, "attic", publisher("c"))
		enter(t, reg, "hall", publisher("c"))
	})
}

// TestDemandIsRemembered: a function that is set later gets the newest demand, also after a rejoin.
func TestDemandIsRemembered(t *testing.T) {
	reg := open(t, Config{})
	m := enter(t, reg, "yard", keyed("a"))
	var got []mixer.Demand
	m.OnDemand(func(d mixer.Demand) { got = append(got, d) })
	if len(got) != 0 {
		t.Fatalf("got %v before a demand was known", got)
	}
	m.place.onDemand(mixer.Demand{Width: 640, Height: 360})
	m.OnDemand(func(d mixer.Demand) { got = append(got, d) })
	m.Lose()
	back := enter(t, reg, "yard", keyed("a"))
	m.place.onDemand(mixer.Demand{Width: 320, Height: 180, Layer: 1})
	if len(got) != 2 || got[0] != got[1] || got[0].Width != 640 {
		t.Errorf("the first connection got %v; want 640x360 twice", got)
	}
	got = nil
	back.OnDemand(func(d mixer.Demand) { got = append(got, d) })
	if len(got) != 1 || got[0].Layer != 1 {
		t.Errorf("the second connection got %v; want layer 1", got)
	}
}

// TestDemandsEndWithTheNewest: also when OnDemand and the mixer run at the same time.
func TestDemandsEndWithTheNewest(t *testing.T) {
	reg := open(t, Config{})
	m := enter(t, reg, "yard", publisher("a"))
	for range 200 {
		var mu sync.Mutex
		var last mixer.Demand
		var both sync.WaitGroup
		both.Go(func() {
			for w := range 3 {
				m.place.onDemand(mixer.Demand{Width: w + 1})
			}
		})
		both.Go(func() {
			m.OnDemand(func(d mixer.Demand) {
				mu.Lock()
				defer mu.Unlock()
				last = d
			})
		})
		both.Wait()
		if last.Width != 3 {
			t.Fatalf("got %+v last; want the newest", last)
		}
	}
}

// TestLayersEndWithTheMembership: packets of a replaced member do not reach the source, which belongs to another member now.
func TestLayersEndWithTheMembership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		j := keyed("a")
		j.Layers = 3
		replaced := enter(t, reg, "yard", j)
		back := enter(t, reg, "yard", j)
		<-replaced.Done()
		packet := mixer.Packet{Codec: mixer.H264, Data: []byte{0, 0, 0, 1, 0x65, 1, 2, 3}, Key: true}
		viewer := enter(t, reg, "yard", Joining{})
		for _, m := range []*Member{replaced, back, viewer} { // a viewer has no source at all
			for layer := range 3 {
				m.WriteVideo(layer, packet)
			}
		}
		time.Sleep(2 * time.Second)
		const want = 3 * 8 * 8 / 2 // three packets of eight bytes in two seconds
		if got := mixertest.Source(t, back.Hub(), back.Source()).Bitrate; got != want {
			t.Errorf("%d bits a second arrived; want the %d of the present member's packets", got, want)
		}
	})
}
