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

// settle waits until every command given so far is done.
func settle(t *testing.T, h *Registry, room string) Info {
	t.Helper()
	info, err := h.Info(room)
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
func wantOrder(t *testing.T, h *Registry, want, when string) {
	t.Helper()
	if got := order(settle(t, h, "yard")); got != want {
		t.Errorf("places are %q %s; want %s", got, when, want)
	}
}

// TestABlipMovesNobody: whose connection broke keeps the place, and says so; who comes back in time has the
// place, the id and the source.
func TestABlipMovesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{})
		first := enter(t, h, "yard", keyed("first"))
		second := enter(t, h, "yard", publisher("second"))
		first.Lose()
		e := <-second.Events()
		if got := names(e.Participants); got != "first second" || !e.Participants[0].Away || e.Participants[1].Away {
			t.Fatalf("second heard of %+v; want both in their order, the first away", e.Participants)
		}
		if got := settle(t, h, "yard").Participants[0].State; got != mixer.Reconnecting {
			t.Errorf("the tile is %s; want %s", got, mixer.Reconnecting)
		}
		time.Sleep(14 * time.Second)
		back := enter(t, h, "yard", keyed("first"))
		if back.ID() != first.ID() || back.Source() != first.Source() {
			t.Errorf("id %s became %s; want the same id and source", first.ID(), back.ID())
		}
		e = <-second.Events()
		if got := names(e.Participants); got != "first second" || e.Participants[0].Away {
			t.Errorf("second heard of %+v; want both in their order, nobody away", e.Participants)
		}
		time.Sleep(time.Minute)
		if got := settle(t, h, "yard").Participants[0].State; got != mixer.Connecting {
			t.Errorf("the tile is %s after the return; want %s", got, mixer.Connecting)
		}
		select {
		case e := <-second.Events():
			t.Errorf("second heard of %+v although nothing happened", e.Participants)
		default:
		}
	})
}

func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{})
		lost := enter(t, h, "yard", keyed("lost"))
		other := enter(t, h, "yard", publisher("other"))
		lost.Lose()
		began := time.Now()
		<-other.Events()
		if got := nextEventOf(other); got != "other" {
			t.Errorf("heard of %q; want other alone", got)
		}
		if d := time.Since(began); d < DefaultGrace || d > DefaultGrace+time.Second {
			t.Errorf("the place was given up after %v; want %v and a second at most", d, DefaultGrace)
		}
		back := enter(t, h, "yard", keyed("lost"))
		if back.ID() == lost.ID() {
			t.Error("the id came back after the grace")
		}
		wantOrder(t, h, "other lost", "after the grace")
	})
}

// nextEventOf waits as long as it takes: a bubble with nothing to wait for fails the test.
func nextEventOf(m *Member) string { return names((<-m.Events()).Participants) }

// TestNoKeyNoGrace: what nobody can come back to is not kept, nor is what has no tile.
func TestNoKeyNoGrace(t *testing.T) {
	h := open(t, Config{})
	other := enter(t, h, "yard", publisher("other"))
	enter(t, h, "yard", publisher("keyless")).Lose()
	viewer := Joining{Key: "k"}
	enter(t, h, "yard", viewer).Lose()
	info := settle(t, h, "yard")
	if got := order(info); got != "other" || info.Viewers != 0 {
		t.Errorf("there are %q and %d viewers; want other alone", got, info.Viewers)
	}
	if other.Err() != nil {
		t.Errorf("the other one ended with %v", other.Err())
	}
}

// TestAKeptPlaceHoldsTheRoom until the grace is over.
func TestAKeptPlaceHoldsTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{Grace: 5 * time.Second})
		lost := enter(t, h, "yard", keyed("lost"))
		lost.Lose()
		time.Sleep(4 * time.Second)
		back := enter(t, h, "yard", keyed("lost"))
		if back.Source() != lost.Source() {
			t.Error("the source is another one")
		}
		back.Lose()
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if n := len(h.List()); n != 0 {
			t.Errorf("%d rooms; want none", n)
		}
	})
}

// TestWhoIsAwayMayComeBackAsAnother: the id and the number stay, the source does not.
func TestWhoIsAwayMayComeBackAsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{})
		lost := enter(t, h, "yard", keyed("lost"))
		enter(t, h, "yard", publisher("other"))
		lost.Lose()
		screen := keyed("lost")
		screen.Screen = true
		back := enter(t, h, "yard", screen)
		if back.ID() != lost.ID() || back.Source() == lost.Source() {
			t.Errorf("id %s became %s; want the same id, and another source", lost.ID(), back.ID())
		}
		back.Leave()
		time.Sleep(20 * time.Second)
		wantOrder(t, h, "other", "after another grace")
	})
}

// TestWhoLeftHasTheOldPlace within the grace, between the same neighbours.
func TestWhoLeftHasTheOldPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{})
		a := enter(t, h, "yard", keyed("a"))
		enter(t, h, "yard", publisher("b"))
		a.Leave()
		wantOrder(t, h, "b", "after a left")
		time.Sleep(10 * time.Second)
		enter(t, h, "yard", publisher("c"))
		a = enter(t, h, "yard", keyed("a"))
		wantOrder(t, h, "a b c", "after a came back")
		a.Leave()
		time.Sleep(20 * time.Second)
		enter(t, h, "yard", keyed("a"))
		wantOrder(t, h, "b c a", "after a came back late")
	})
}

// TestCamerasHaveTheirPlaces whenever they come.
func TestCamerasHaveTheirPlaces(t *testing.T) {
	h := open(t, Config{Rooms: map[string]Settings{"yard": {Cameras: []string{"gate", "door"}}}})
	camera := func(name string) Joining {
		return Joining{Name: name, Kind: Camera, Key: name, Publish: Media{Video: true}}
	}
	enter(t, h, "yard", publisher("Ana"))
	enter(t, h, "yard", publisher("gate"))
	enter(t, h, "yard", camera("door"))
	gate := enter(t, h, "yard", camera("gate"))
	wantOrder(t, h, "gate door Ana gate", "at first")
	gate.Leave()
	enter(t, h, "yard", camera("shed"))
	enter(t, h, "yard", camera("gate"))
	wantOrder(t, h, "gate door Ana gate shed", "with one more")
}

// TestViewersChangeNothing: no event, no source.
func TestViewersChangeNothing(t *testing.T) {
	h := open(t, Config{})
	a := enter(t, h, "yard", publisher("a"))
	enter(t, h, "yard", Joining{Name: "viewer", Key: "k"}).Leave()
	enter(t, h, "yard", Joining{})
	info := settle(t, h, "yard")
	select {
	case e := <-a.Events():
		t.Errorf("a heard of %+v", e.Participants)
	default:
	}
	if info.Viewers != 1 || len(mixertest.Stats(t, a.Hub()).Sources) != 1 {
		t.Errorf("%d viewers, %d sources; want one each", info.Viewers, len(mixertest.Stats(t, a.Hub()).Sources))
	}
}

// TestOverload: everybody is told of every change, and nobody new is let in at the worst level.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{})
		var level atomic.Int64
		h.overload = func(*hub.Hub) int { return int(level.Load()) }
		a := enter(t, h, "yard", keyed("a"))
		viewer := enter(t, h, "yard", Joining{})
		level.Store(mixer.OverloadJoins)
		for _, m := range []*Member{a, viewer} {
			if e := <-m.Events(); e.Overload != mixer.OverloadJoins {
				t.Errorf("told of overload %d; want %d", e.Overload, mixer.OverloadJoins)
			}
		}
		for _, j := range []Joining{publisher("b"), {}, keyed("c")} {
			_, err := h.Join(t.Context(), "yard", j)
			wantCode(t, err, CodeOverloaded)
		}
		a.Lose()
		a = enter(t, h, "yard", keyed("a"))
		a.Leave()
		enter(t, h, "yard", keyed("a"))
		level.Store(1)
		time.Sleep(1500 * time.Millisecond)
		enter(t, h, "yard", publisher("b"))
		if got := settle(t, h, "yard").Overload; got != 1 {
			t.Errorf("overload is %d; want 1", got)
		}
	})
}

// TestOverloadOfOneRoomIsFeltInAll: nobody begins another room or publishes besides, but viewers may come where there is
// time for them.
func TestOverloadOfOneRoomIsFeltInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{})
		var busy atomic.Pointer[hub.Hub]
		h.overload = func(m *hub.Hub) int {
			if busy.Load() == m {
				return mixer.OverloadJoins
			}
			return 0
		}
		a, b := enter(t, h, "yard", keyed("a")), enter(t, h, "hall", keyed("b"))
		busy.Store(a.Hub())
		time.Sleep(1500 * time.Millisecond)
		for _, c := range []struct {
			room string
			Joining
		}{{"hall", publisher("c")}, {"yard", Joining{}}, {"attic", publisher("c")}, {"attic", Joining{}}} {
			_, err := h.Join(t.Context(), c.room, c.Joining)
			wantCode(t, err, CodeOverloaded)
		}
		if n := len(h.List()); n != 2 {
			t.Errorf("%d rooms, want 2", n)
		}
		enter(t, h, "hall", Joining{})
		b.Lose()
		enter(t, h, "hall", keyed("b"))
		a.Leave() // with its room
		synctest.Wait()
		enter(t, h, "attic", publisher("c"))
		enter(t, h, "hall", publisher("c"))
	})
}

// TestDemandIsRemembered for who asks later, and for who comes back.
func TestDemandIsRemembered(t *testing.T) {
	h := open(t, Config{})
	m := enter(t, h, "yard", keyed("a"))
	var told []mixer.Demand
	m.OnDemand(func(d mixer.Demand) { told = append(told, d) })
	if len(told) != 0 {
		t.Fatalf("told %v before anything was known", told)
	}
	m.place.demanded(mixer.Demand{Width: 640, Height: 360})
	m.OnDemand(func(d mixer.Demand) { told = append(told, d) })
	m.Lose()
	back := enter(t, h, "yard", keyed("a"))
	m.place.demanded(mixer.Demand{Width: 320, Height: 180, Layer: 1})
	if len(told) != 2 || told[0] != told[1] || told[0].Width != 640 {
		t.Errorf("the first connection was told %v; want 640x360 twice", told)
	}
	told = nil
	back.OnDemand(func(d mixer.Demand) { told = append(told, d) })
	if len(told) != 1 || told[0].Layer != 1 {
		t.Errorf("the second connection was told %v; want layer 1", told)
	}
}

// TestDemandsEndWithTheNewest whoever is quicker.
func TestDemandsEndWithTheNewest(t *testing.T) {
	h := open(t, Config{})
	m := enter(t, h, "yard", publisher("a"))
	for range 200 {
		var mu sync.Mutex
		var last mixer.Demand
		var both sync.WaitGroup
		both.Go(func() {
			for w := range 3 {
				m.place.demanded(mixer.Demand{Width: w + 1})
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
			t.Fatalf("told %+v last; want the newest", last)
		}
	}
}

// TestLayersEndWithTheMembership: what a ghost puts does not reach the source, which is another member's now.
func TestLayersEndWithTheMembership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, Config{})
		j := keyed("a")
		j.Layers = 3
		ghost := enter(t, h, "yard", j)
		back := enter(t, h, "yard", j)
		<-ghost.Done()
		noise := mixer.Packet{Codec: mixer.H264, Data: []byte{0, 0, 0, 1, 0x65, 1, 2, 3}, Key: true}
		viewer := enter(t, h, "yard", Joining{})
		for _, m := range []*Member{ghost, back, viewer} { // a viewer has no source at all
			for layer := range 3 {
				m.WriteVideo(layer, noise)
			}
		}
		time.Sleep(2 * time.Second)
		if got := mixertest.Source(t, back.Hub(), back.Source()).FPS; got != 1.5 {
			t.Errorf("%v packets a second arrived in two seconds; want the three of the one who is there", got)
		}
	})
}
