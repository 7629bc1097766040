package peer

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"azulejo/mixer"
)

const (
	shallow = 60 * time.Millisecond // a queue that loses
	deep    = 4 * time.Second       // one that makes wait
)

// TestLadderFindsItsRung: whatever the queue in front of the link is like.
func TestLadderFindsItsRung(t *testing.T) {
	for _, buffer := range []time.Duration{shallow, 300 * time.Millisecond, time.Second, deep} {
		for _, c := range []struct {
			capacity float64
			want     int
		}{
			{10e6, 0}, {3e6, 0}, {1.6e6, 1}, {1.2e6, 1}, {0.95e6, 1}, {600e3, 2}, {420e3, 2}, {200e3, 2},
		} {
			t.Run(fmt.Sprintf("%v at %.0f kb/s", buffer, c.capacity/1000), func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(2) {
					w := newWorld(seed, c.capacity, buffer)
					w.run(6 * time.Minute)
					if got := w.share(c.want, 15*time.Second, time.Minute); got < 0.7 {
						t.Errorf("seed %d: in the first minute %.2f of the time at rung %d: %v", seed, got, c.want, w.moves)
					}
					if got := w.share(c.want, time.Minute, 6*time.Minute); got < 0.9 {
						t.Errorf("seed %d: later %.2f of the time at rung %d: %v", seed, got, c.want, w.moves)
					}
					if got := w.ups(90 * time.Second); got > 1 {
						t.Errorf("seed %d: %d moves up in one minute: %v", seed, got, w.moves)
					}
				}
			})
		}
	}
}

// TestLadderTakesRandomLossForWhatItIs: it neither leads down nor keeps down.
func TestLadderTakesRandomLossForWhatItIs(t *testing.T) {
	for _, busy := range []float64{0.9, 0.3} {
		for seed := range uint64(10) {
			w := newWorld(seed, 8e6, 300*time.Millisecond)
			w.random, w.busy = 0.03, busy
			w.run(10 * time.Minute)
			if len(w.moves) > 0 {
				t.Errorf("seed %d, busy %.1f: moved %v", seed, busy, w.moves)
			}
			w.capacity = 400e3 * busy
			w.run(30 * time.Second)
			if w.next != 2 {
				t.Errorf("seed %d, busy %.1f: at %d of a narrow link: %v", seed, busy, w.next, w.moves)
			}
			w.capacity = 8e6
			w.run(90 * time.Second)
			if w.next != 0 {
				t.Errorf("seed %d, busy %.1f: at %d of a wide link: %v", seed, busy, w.next, w.moves)
			}
		}
	}
}

// TestLadderFollowsTheLink down within seconds, which a deep queue makes more of, and up within a minute; after some
// tries that failed, within those that it waits at most.
func TestLadderFollowsTheLink(t *testing.T) {
	for _, buffer := range []time.Duration{shallow, 500 * time.Millisecond, deep} {
		for seed := range uint64(5) {
			w := newWorld(seed, 5e6, buffer)
			for i := range 4 {
				w.run(time.Minute)
				if i > 1 {
					w.run(calmMost)
				}
				if w.next != 0 {
					t.Errorf("%v, seed %d: at %d of a wide link: %v", buffer, seed, w.next, w.moves)
				}
				w.capacity = 400e3
				w.run(12*time.Second + 2*buffer)
				if w.next != 2 {
					t.Errorf("%v, seed %d: at %d of a narrow link: %v", buffer, seed, w.next, w.moves)
				}
				w.run(30 * time.Second)
				w.capacity = 5e6
			}
		}
	}
}

// TestLadderAndAQuietWall: what hardly sends proves nothing, neither that more can be sent nor that it cannot.
func TestLadderAndAQuietWall(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(seed, 8e6, 300*time.Millisecond)
		w.busy, w.random = 0.01, 0.04
		w.run(10 * time.Minute)
		if len(w.moves) > 0 {
			t.Errorf("seed %d: moved %v although nothing is sent", seed, w.moves)
		}
		w.busy, w.capacity = 0.9, 400e3
		for w.next != 2 && w.now < 11*time.Minute {
			w.run(time.Second)
		}
		w.busy, w.random = 0.01, 0
		w.run(2*calmFor + 10*time.Second)
		if w.next != 2 {
			t.Errorf("seed %d: moved up %v by silence", seed, w.moves)
		}
	}
}

// feed gives a ladder notices of one a second, of 100 packets each, and tells where it is led.
type feed struct {
	t      *testing.T
	l      ladder
	n      notice
	rungs  []mixer.Rung
	passed bool
	bits   int // measured; zero: nine tenths of what the rung may take
}

func newFeed(t *testing.T) *feed {
	f := &feed{t: t, rungs: standard, n: notice{at: origin, newest: 1 << 16}}
	f.give(0, 30*time.Millisecond, 2)
	return f
}

func (f *feed) give(lost float64, rtt time.Duration, times int) *feed {
	for range times {
		f.n.at, f.n.newest = f.n.at.Add(time.Second), f.n.newest+100
		f.n.echo = middle(f.n.at.Add(-rtt))
		f.n.lost, f.n.rtt = lost, rtt
		at := f.rungs[f.l.place(f.rungs)]
		bits := f.bits
		if bits == 0 {
			bits = at.Bitrate * 9 / 10
		}
		f.l.report(f.n, f.rungs, mixer.RenditionStats{Width: at.W, Height: at.H, Bitrate: bits, Passed: f.passed})
	}
	return f
}

func (f *feed) want(what string, lines int) *feed {
	f.t.Helper()
	if got := f.rungs[f.l.place(f.rungs)].Lines(); got != lines {
		f.t.Errorf("%s: at %dp; want %dp", what, got, lines)
	}
	return f
}

const ms = time.Millisecond

func TestLadderRules(t *testing.T) {
	rules := map[string]func(f *feed){
		"two windows of loss": func(f *feed) {
			f.give(0.12, 30*ms, 1).want("after one", 720)
			f.give(0, 30*ms, 1).give(0.12, 30*ms, 1).want("not in a row", 720)
			f.give(0.12, 30*ms, 1).want("after two", 360)
		},
		"much loss": func(f *feed) { f.give(0.4, 30*ms, 1).want("at once", 360) },
		"most is lost": func(f *feed) {
			f.give(0.8, 30*ms, 1).want("at once to what is carried", 180)
		},
		"a queue": func(f *feed) {
			f.give(0, 400*ms, 1).want("after one", 720)
			f.give(0, 400*ms, 1).want("after two", 360)
		},
		"a slow network": func(f *feed) { *f = *newFeed(f.t); f.give(0, 31*ms, 60).want("that was always slow", 720) },
		"a queue that drains": func(f *feed) {
			f.give(0, 900*ms, 2).want("while it lasts", 360)
			f.give(0, 900*ms, 4) // on its way and settling
			f.give(0, 800*ms, 1).give(0, 700*ms, 1).give(0, 600*ms, 1).give(0, 500*ms, 1).want("while it drains", 360)
			f.give(0, 500*ms, 2).want("when it does not", 180)
		},
		"what comes late after a move": func(f *feed) {
			f.give(0.4, 30*ms, 1).give(0.9, 30*ms, 3).want("is of the old rung", 360)
			f.give(0.9, 30*ms, 2).want("and then of the new", 180)
		},
		"the lowest": func(f *feed) { f.give(0.9, 30*ms, 100).want("there is none below", 180) },
		"calm": func(f *feed) {
			f.give(0.4, 30*ms, 1).give(0, 30*ms, 1+3+14).want("not yet: the first try failed", 360)
			f.give(0, 30*ms, 5).want("up", 720)
			f.give(0.4, 30*ms, 3).want("fails", 360)
			f.give(0, 30*ms, 1+3+28).want("not for twice as long", 360)
			f.give(0, 30*ms, 6).want("up again", 720)
			f.give(0, 30*ms, 12).give(0.4, 30*ms, 1).want("carried for a while, and no more", 360)
			f.give(0, 30*ms, 1+3+12).want("not yet: half of the time", 360)
			f.give(0, 30*ms, 10).want("up for good", 720)
		},
		"silence": func(f *feed) {
			f.n.at = f.n.at.Add(10 * time.Second)
			f.give(0.9, 30*ms, 1).want("its losses are no congestion", 720)
		},
		"another stream": func(f *feed) {
			f.n.newest += maxLeap
			f.give(0.9, 30*ms, 1).want("cannot be compared", 720)
		},
		"little is sent": func(f *feed) {
			for range 20 {
				f.n.newest -= 97 // three packets a second
				f.give(0.34, 400*ms, 1)
				f.l.link.clear(f.n.at)
			}
			f.want("says nothing", 720)
		},
		"REMB": func(f *feed) {
			cap := func(bits float64, times int) *feed {
				for range times {
					f.l.remb(f.n.at, bits)
					f.give(0, 30*ms, 1)
				}
				return f
			}
			cap(1.7e6, 5).want("of about what is sent", 720)
			cap(1.3e6, 1).want("once", 720)
			cap(1.3e6, 1).want("twice", 360)
			cap(700e3, 60).want("that follows what is sent", 360)
			if f.l.waits[720] < 4*calmFor {
				f.t.Errorf("it was not tried: %v", f.l.waits)
			}
			cap(2.2e6, 120).want("that allows it", 720)
			cap(300e3, 1).want("far below", 180)
			cap(200e3, 120).want("of less than is sent keeps down", 180)
			f.give(0, 30*ms, 60).want("long ago", 720)
		},
		"a source's own packets": func(f *feed) {
			f.passed, f.bits = true, 6_000_000
			f.give(0, 30*ms, 3).give(0.4, 30*ms, 1)
			f.passed, f.bits = false, 0
			f.want("need more than the rung", 360)
		},
		"a source's own packets that change": func(f *feed) {
			f.give(0.12, 30*ms, 1)
			f.passed = true
			f.give(0.12, 30*ms, 2).want("are counted anew", 720)
			f.give(0.12, 30*ms, 1).want("and not forever", 360)
		},
		"another picture": func(f *feed) {
			f.give(0.4, 30*ms, 1)
			f.l.restart()
			f.want("keeps the rung", 360)
			f.give(0, 30*ms, 12).want("but not the failure", 720)
		},
		"another way": func(f *feed) {
			f.give(0.4, 30*ms, 1)
			f.l.reroute()
			f.give(0, 900*ms, 12).want("is as slow as it is", 720)
		},
		"fewer rungs": func(f *feed) {
			f.rungs = standard[1:]
			f.want("the largest left", 360).give(0.4, 30*ms, 3).want("is too large", 180)
			f.rungs = standard
			f.want("the rung stays", 180)
			f.rungs = standard[:1]
			f.want("the only one", 720)
			f.give(0.9, 900*ms, 20).want("whatever it loses", 720)
			f.rungs = nil
			if f.l.report(f.n, nil, mixer.RenditionStats{}) {
				f.t.Error("moved among no rungs")
			}
		},
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) { rule(newFeed(t)) })
	}
}

// TestNoticesAreReadFromReports, with a round trip on the wire's clock.
func TestNoticesAreReadFromReports(t *testing.T) {
	at := origin
	sent, held := middle(at.Add(-350*ms)), uint32(65536/4)
	n := readNotice(reportOf(128, 65536*3+7, sent, held), at)
	if n.lost != 0.5 || n.newest != 65536*3+7 || n.echo != sent || (n.rtt-100*ms).Abs() > ms {
		t.Errorf("read %+v; want half lost and a round trip of 100 ms", n)
	}
	if n := readNotice(reportOf(0, 1, 0, 0), at); n.echo != 0 || n.rtt != 0 {
		t.Errorf("a viewer that got no sender report yet: %+v", n)
	}
	if n := readNotice(reportOf(0, 1, middle(at.Add(time.Second)), 0), at); n.echo != 0 {
		t.Errorf("an answer before the question: %+v", n)
	}
	if d := middle(at.Add(1500*ms)) - middle(at); d != 65536*3/2 {
		t.Errorf("1.5 s are %d", d)
	}
}

func reportOf(lost uint8, newest, echo, held uint32) rtcp.ReceptionReport {
	return rtcp.ReceptionReport{FractionLost: lost, LastSequenceNumber: newest, LastSenderReport: echo, Delay: held}
}
