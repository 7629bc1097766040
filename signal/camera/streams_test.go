package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer"
)

// seat is a camera's place that notes what comes.
type seat struct {
	mu       sync.Mutex
	pictures [2][]time.Time // by layer
	sounds   []mixer.Packet
	heard    []string // whose sound, each change once
}

func (s *seat) PutLayer(layer int, _ mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pictures[layer] = append(s.pictures[layer], time.Now())
}

func (s *seat) PutAudio(p mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sounds = append(s.sounds, p)
	if who := string(p.Data); len(s.heard) == 0 || s.heard[len(s.heard)-1] != who {
		s.heard = append(s.heard, who)
	}
}

// last is when the newest picture of a layer came, long ago if none did.
func (s *seat) last(layer int) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.pictures[layer]); n > 0 {
		return s.pictures[layer][n-1]
	}
	return time.Time{}
}

// toy is a feed on a fake clock: a picture and a sound every 40 ms, a key picture after two seconds and every
// fourth from then on.
type toy struct {
	name   string
	broken *bool // under mu of its rig
	rig    *rig
}

// rig is a camera with toys for streams.
type rig struct {
	*streams
	seat *seat

	mu      sync.Mutex
	down    [2]bool
	running int
	most    int // running at once
}

func newRig(ctx context.Context, cfg Config) (r *rig, wait func()) {
	r = &rig{seat: &seat{}}
	r.streams = newStreams(cfg, r.seat, openFeed, slog.New(slog.DiscardHandler))
	r.open = func(url string) (Feed, error) {
		return &toy{name: url, rig: r, broken: &r.down[slices.Index(cfg.urls(), url)]}, nil
	}
	done := make(chan struct{})
	go func() { defer close(done); r.run(ctx) }()
	return r, func() { <-done }
}

func (r *rig) set(layer int, down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down[layer] = down
}

var errToy = errors.New("broken")

func (f *toy) enter(n int) {
	f.rig.mu.Lock()
	defer f.rig.mu.Unlock()
	f.rig.running += n
	f.rig.most = max(f.rig.most, f.rig.running)
}

func (f *toy) fails() bool {
	f.rig.mu.Lock()
	defer f.rig.mu.Unlock()
	return *f.broken
}

func (f *toy) Run(ctx context.Context, out func(mixer.Packet), _ <-chan struct{}) error {
	f.enter(1)
	defer f.enter(-1)
	for n := 0; ; n++ {
		if f.fails() {
			return errToy
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(40 * time.Millisecond):
		}
		at := time.Duration(n) * 40 * time.Millisecond
		out(mixer.Packet{Codec: mixer.H264, PTS: at, Key: n >= 50 && n%4 == 0})
		out(mixer.Packet{Codec: mixer.Opus, Data: []byte(f.name), PTS: at, Duration: 40 * time.Millisecond})
	}
}

// fresh tells which layers brought a picture just now.
func (r *rig) fresh() string {
	var all []string
	for layer := range r.pulls {
		if time.Since(r.seat.last(layer)) < 100*time.Millisecond {
			all = append(all, fmt.Sprint(layer))
		}
	}
	return strings.Join(all, " and ")
}

// after lets time pass, until everything rests, and tells which layers are pulled then.
func (r *rig) after(t *testing.T, d time.Duration, want string) {
	t.Helper()
	time.Sleep(d)
	synctest.Wait()
	if got := r.fresh(); got != want {
		t.Errorf("layers %q are pulled; want %q", got, want)
	}
}

var (
	large = mixer.Demand{Width: 640, Height: 360}
	small = mixer.Demand{Width: 64, Height: 36, Layer: 1}
	none  = mixer.Demand{}
)

// TestMakeBeforeBreak: the old stream goes on until the new one has been there for a second.
func TestMakeBeforeBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRig(ctx, Config{URL: "main", SubURL: "sub", Audio: true})
		r.after(t, 5*time.Second, "1") // the cheaper one, before anybody asked
		r.demand(large)
		r.after(t, 1500*time.Millisecond, "0 and 1") // no key picture yet
		r.after(t, 1300*time.Millisecond, "0 and 1") // for less than a second
		r.after(t, time.Second, "0")
		r.demand(small)
		r.after(t, 1500*time.Millisecond, "0 and 1")
		r.demand(large) // taken back: the other has not been needed
		r.after(t, 1500*time.Millisecond, "0")
		r.demand(none)
		r.after(t, 20*time.Second, "0") // it may be seen again soon
		r.demand(large)
		r.demand(none)
		r.after(t, 20*time.Second, "0")
		r.after(t, 15*time.Second, "1")
		cancel()
		wait()
		if r.most != 2 || r.running != 0 {
			t.Errorf("%d feeds ran at once and %d are left", r.most, r.running)
		}
		if want := []string{"sub", "main", "sub"}; !slices.Equal(r.seat.heard, want) {
			t.Errorf("heard %v; want %v", r.seat.heard, want)
		}
		checkSound(t, r.seat.sounds)
	})
}

// checkSound wants one sound at a time, without a hole longer than a feed needs to begin.
func checkSound(t *testing.T, sounds []mixer.Packet) {
	t.Helper()
	for i := range sounds[1:] {
		gap := sounds[i+1].PTS - sounds[i].PTS - sounds[i].Duration
		if gap < 0 || gap > 60*time.Millisecond {
			t.Errorf("sound %d begins %v after the end of the one before", i+1, gap)
		}
		if changed := string(sounds[i+1].Data) != string(sounds[i].Data); changed && !sounds[i+1].Lost {
			t.Errorf("sound %d does not say that it is another one's", i+1)
		}
	}
}

// TestTheOtherStandsIn: whichever stream is broken, the other is used, and the wanted one as soon as it is back.
func TestTheOtherStandsIn(t *testing.T) {
	for layer, d := range []mixer.Demand{large, small} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, wait := newRig(ctx, Config{URL: "main", SubURL: "sub", Audio: true})
			wanted, other := fmt.Sprint(layer), fmt.Sprint(1-layer)
			r.demand(d)
			r.after(t, 10*time.Second, wanted)
			r.set(layer, true)
			r.after(t, 10*time.Second, other)
			r.set(layer, false)
			r.after(t, 15*time.Second, wanted)
			r.set(0, true)
			r.set(1, true)
			r.after(t, 10*time.Second, "")
			r.set(1-layer, false)
			r.after(t, 15*time.Second, other)
			cancel()
			wait()
			if r.running != 0 {
				t.Errorf("%d feeds are left", r.running)
			}
		})
	}
}

// TestOneStream: a camera without a sub-stream is pulled whatever is wanted, and comes back.
func TestOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRig(ctx, Config{URL: "main"})
		for _, d := range []mixer.Demand{none, small, large, {Width: 1, Height: 1, Layer: 99}, {Width: 1, Height: 1, Layer: -1}} {
			r.demand(d)
			r.after(t, 3*time.Second, "0")
		}
		r.set(0, true)
		r.after(t, 10*time.Second, "")
		r.set(0, false)
		r.after(t, 6*time.Second, "0")
		cancel()
		wait()
		if r.most != 1 || len(r.seat.sounds) != 0 {
			t.Errorf("%d feeds at once and %d sounds; want one and none", r.most, len(r.seat.sounds))
		}
	})
}

// TestManyWishes: wishes faster than streams begin neither leak nor double a stream.
func TestManyWishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRig(ctx, Config{URL: "main", SubURL: "sub", Audio: true})
		for i := range 300 {
			r.demand([]mixer.Demand{large, small, none}[i*7%3])
			time.Sleep(time.Duration(i*i%1700) * time.Millisecond)
		}
		r.demand(large)
		r.after(t, 10*time.Second, "0")
		cancel()
		wait()
		if r.most != 2 || r.running != 0 {
			t.Errorf("%d feeds ran at once and %d are left", r.most, r.running)
		}
		checkSound(t, r.seat.sounds)
	})
}

// TestSubURLIsChecked: the error names the key.
func TestSubURLIsChecked(t *testing.T) {
	err := Config{Name: "Gate", URL: "test:", SubURL: "ftp://x"}.Validate()
	if err == nil || !strings.Contains(err.Error(), "camera Gate: sub_url: ") {
		t.Errorf("got %v; want one that names sub_url", err)
	}
	if err := (Config{Name: "Gate", URL: "test:", SubURL: "test:?w=160&h=90"}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestRefreshReachesAllStreams and never blocks.
func TestRefreshReachesAllStreams(t *testing.T) {
	s := newStreams(Config{URL: "main", SubURL: "sub"}, &seat{}, openFeed, slog.New(slog.DiscardHandler))
	s.refresh()
	s.refresh()
	for _, p := range s.pulls {
		if len(p.refresh) != 1 {
			t.Errorf("layer %d was asked %d times", p.layer, len(p.refresh))
		}
	}
}
