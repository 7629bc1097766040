package peer

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"azulejo/mixer"
)

const (
	shallow = 60 * time.Millisecond // a queue that drops
	deep    = 4 * time.Second       // a queue that delays
)

// TestRungFitsTheCapacity: with any length of the queue in front of the link.
func TestRungFitsTheCapacity(t *testing.T) {
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
					w := newModel(seed, c.capacity, buffer)
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

// TestRandomLossIsNoCongestion: it neither moves a viewer down nor keeps it down.
func TestRandomLossIsNoCongestion(t *testing.T) {
	for _, busy := range []float64{0.9, 0.3} {
		for seed := range uint64(10) {
			w := newModel(seed, 8e6, 300*time.Millisecond)
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

// TestRungFollowsTheCapacity: down within seconds, plus the time of a deep queue, and up within a minute. After failed
// tries, up within calmMax.
func TestRungFollowsTheCapacity(t *testing.T) {
	for _, buffer := range []time.Duration{shallow, 500 * time.Millisecond, deep} {
		for seed := range uint64(5) {
			w := newModel(seed, 5e6, buffer)
			for i := range 4 {
				w.run(time.Minute)
				if i > 1 {
					w.run(calmMax)
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

// TestLittleTrafficProvesNothing: neither that the network carries more nor that it does not.
func TestLittleTrafficProvesNothing(t *testing.T) {
	for seed := range uint64(5) {
		w := newModel(seed, 8e6, 300*time.Millisecond)
		w.busy, w.random = 0.01, 0.04
		w.run(10 * time.Minute)
		if len(w.moves) > 0 {
			t.Errorf("seed %d: moved %v although hardly anything is sent", seed, w.moves)
		}
		w.busy, w.capacity = 0.9, 400e3
		for w.next != 2 && w.now < 11*time.Minute {
			w.run(time.Second)
		}
		w.busy, w.random = 0.01, 0
		w.run(2*calmMin + 10*time.Second)
		if w.next != 2 {
			t.Errorf("seed %d: moved up %v with hardly any traffic", seed, w.moves)
		}
	}
}

// feeder gives a rung controller one receiver report a second, about 100 packets each, and checks the rung.
type feeder struct {
	t          *testing.T
	controller rungController
	report     receiverReport
	rungs      []mixer.Rung
	passed     bool
	bits       int // bits a second that are sent; zero: nine tenths of the limit of the rung
}

func newFeeder(t *testing.T) *feeder {
	f := &feeder{t: t, rungs: standard, report: receiverReport{received: origin, newest: 1 << 16}}
	f.give(0, 30*time.Millisecond, 2)
	return f
}

func (f *feeder) give(lost float64, rtt time.Duration, times int) *feeder {
	for range times {
		f.report.received, f.report.newest = f.report.received.Add(time.Second), f.report.newest+100
		f.report.echo = shortNTP(f.report.received.Add(-rtt))
		f.report.lostShare, f.report.rtt = lost, rtt
		at := f.rungs[f.controller.index(f.rungs)]
		bits := f.bits
		if bits == 0 {
			bits = at.Bitrate * 9 / 10
		}
		f.controller.onReport(f.report, f.rungs, mixer.RenditionStats{Width: at.W, Height: at.H, Bitrate: bits, Passed: f.passed})
	}
	return f
}

func (f *feeder) want(what string, lines int) *feeder {
	f.t.Helper()
	if got := f.rungs[f.controller.index(f.rungs)].Lines(); got != lines {
		f.t.Errorf("%s: at %dp; want %dp", what, got, lines)
	}
	return f
}

const ms = time.Millisecond

func TestRungRules(t *testing.T) {
	rules := map[string]func(f *feeder){
		"two windows of loss": func(f *feeder) {
			f.give(0.12, 30*ms, 1).want("after one", 720)
			f.give(0, 30*ms, 1).give(0.12, 30*ms, 1).want("not in a row", 720)
			f.give(0.12, 30*ms, 1).want("after two", 360)
		},
		"much loss": func(f *feeder) { f.give(0.4, 30*ms, 1).want("at once", 360) },
		"most packets are lost": func(f *feeder) {
			f.give(0.8, 30*ms, 1).want("at once to the rung that is carried", 180)
		},
		"a queue": func(f *feeder) {
			f.give(0, 400*ms, 1).want("after one", 720)
			f.give(0, 400*ms, 1).want("after two", 360)
		},
		"a slow network": func(f *feeder) { *f = *newFeeder(f.t); f.give(0, 31*ms, 60).want("that was always slow", 720) },
		"a queue that drains": func(f *feeder) {
			f.give(0, 900*ms, 2).want("while it lasts", 360)
			f.give(0, 900*ms, 4) // the new rung is requested and settles
			f.give(0, 800*ms, 1).give(0, 700*ms, 1).give(0, 600*ms, 1).give(0, 500*ms, 1).want("while it drains", 360)
			f.give(0, 500*ms, 2).want("when it does not", 180)
		},
		"late reports after a move": func(f *feeder) {
			f.give(0.4, 30*ms, 1).give(0.9, 30*ms, 3).want("are about the old rung", 360)
			f.give(0.9, 30*ms, 2).want("and then about the new rung", 180)
		},
		"the lowest": func(f *feeder) { f.give(0.9, 30*ms, 100).want("there is none below", 180) },
		"calm": func(f *feeder) {
			f.give(0.4, 30*ms, 1).give(0, 30*ms, 1+3+14).want("not yet: the first try failed", 360)
			f.give(0, 30*ms, 5).want("up", 720)
			f.give(0.4, 30*ms, 3).want("fails", 360)
			f.give(0, 30*ms, 1+3+28).want("not for twice as long", 360)
			f.give(0, 30*ms, 6).want("up again", 720)
			f.give(0, 30*ms, 12).give(0.4, 30*ms, 1).want("carried for a while, and no more", 360)
			f.give(0, 30*ms, 1+3+12).want("not yet: half of the time", 360)
			f.give(0, 30*ms, 10).want("up for good", 720)
		},
		"silence": func(f *feeder) {
			f.report.received = f.report.received.Add(10 * time.Second)
			f.give(0.9, 30*ms, 1).want("its losses are no congestion", 720)
		},
		"another stream": func(f *feeder) {
			f.report.newest += maxSequenceJump
			f.give(0.9, 30*ms, 1).want("cannot be compared", 720)
		},
		"little is sent": func(f *feeder) {
			for range 20 {
				f.report.newest -= 97 // three packets a second
				f.give(0.34, 400*ms, 1)
				f.controller.link.resetWindow(f.report.received)
			}
			f.want("says nothing", 720)
		},
		"REMB": func(f *feeder) {
			cap := func(bits float64, times int) *feeder {
				for range times {
					f.controller.setREMB(f.report.received, bits)
					f.give(0, 30*ms, 1)
				}
				return f
			}
			cap(1.7e6, 5).want("of about what is sent", 720)
			cap(1.3e6, 1).want("once", 720)
			cap(1.3e6, 1).want("twice", 360)
			cap(700e3, 60).want("that follows what is sent", 360)
			if f.controller.calmNeeded[720] < 4*calmMin {
				f.t.Errorf("it was not tried: %v", f.controller.calmNeeded)
			}
			cap(2.2e6, 120).want("that allows it", 720)
			cap(300e3, 1).want("far below", 180)
			cap(200e3, 120).want("of less than is sent keeps down", 180)
			f.give(0, 30*ms, 60).want("long ago", 720)
		},
		"a source's own packets": func(f *feeder) {
			f.passed, f.bits = true, 6_000_000
			f.give(0, 30*ms, 3).give(0.4, 30*ms, 1)
			f.passed, f.bits = false, 0
			f.want("need more bits than the rung", 360)
		},
		"a source's own packets that change": func(f *feeder) {
			f.give(0.12, 30*ms, 1)
			f.passed = true
			f.give(0.12, 30*ms, 2).want("are counted anew", 720)
			f.give(0.12, 30*ms, 1).want("and not forever", 360)
		},
		"another view": func(f *feeder) {
			f.give(0.4, 30*ms, 1)
			f.controller.viewChanged()
			f.want("keeps the rung", 360)
			f.give(0, 30*ms, 12).want("but not the failure", 720)
		},
		"another path": func(f *feeder) {
			f.give(0.4, 30*ms, 1)
			f.controller.pathChanged()
			f.give(0, 900*ms, 12).want("is as slow as it is", 720)
		},
		"fewer rungs": func(f *feeder) {
			f.rungs = standard[1:]
			f.want("the largest left", 360).give(0.4, 30*ms, 3).want("is too large", 180)
			f.rungs = standard
			f.want("the rung stays", 180)
			f.rungs = standard[:1]
			f.want("the only one", 720)
			f.give(0.9, 900*ms, 20).want("with any loss", 720)
			f.rungs = nil
			if f.controller.onReport(f.report, nil, mixer.RenditionStats{}) {
				f.t.Error("moved among no rungs")
			}
		},
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) { rule(newFeeder(t)) })
	}
}

// TestParseReport computes the round trip from the NTP times of the report.
func TestParseReport(t *testing.T) {
	at := origin
	sent, held := shortNTP(at.Add(-350*ms)), uint32(65536/4)
	r := parseReport(reportOf(128, 65536*3+7, sent, held), at)
	if r.lostShare != 0.5 || r.newest != 65536*3+7 || r.echo != sent || (r.rtt-100*ms).Abs() > ms {
		t.Errorf("parsed %+v; want half lost and a round trip of 100 ms", r)
	}
	if r := parseReport(reportOf(0, 1, 0, 0), at); r.echo != 0 || r.rtt != 0 {
		t.Errorf("a viewer that got no sender report yet: %+v", r)
	}
	if r := parseReport(reportOf(0, 1, shortNTP(at.Add(time.Second)), 0), at); r.echo != 0 {
		t.Errorf("an answer to a sender report of the future: %+v", r)
	}
	if d := shortNTP(at.Add(1500*ms)) - shortNTP(at); d != 65536*3/2 {
		t.Errorf("1.5 s are %d", d)
	}
}

func reportOf(lost uint8, newest, echo, held uint32) rtcp.ReceptionReport {
	return rtcp.ReceptionReport{FractionLost: lost, LastSequenceNumber: newest, LastSenderReport: echo, Delay: held}
}
