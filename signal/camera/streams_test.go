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

// seat is a camera's membership that records its packets.
type seat struct {
	mu     sync.Mutex
	frames [2][]time.Time // when video packets came, by layer
	audio  []mixer.Packet
	owners []string // URLs of the streams that the audio came from, one for each change
	told   []mixer.Reason
	muted  []mixer.Reason // of audio that is not taken; empty: audio is taken
}

func (s *seat) ReportAudioTrouble(t mixer.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = append(s.muted, t.Reason)
}

func (s *seat) ReportTrouble(t mixer.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, t.Reason)
}

func (s *seat) WriteVideo(layer int, _ mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames[layer] = append(s.frames[layer], time.Now())
}

func (s *seat) WriteAudio(p mixer.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audio = append(s.audio, p)
	if url := string(p.Data); len(s.owners) == 0 || s.owners[len(s.owners)-1] != url {
		s.owners = append(s.owners, url)
	}
}

// reasons are those that were told, in their order.
func (s *seat) reasons() []mixer.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told)
}

// last is when the newest frame of a layer came; the zero time if none did.
func (s *seat) last(layer int) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.frames[layer]); n > 0 {
		return s.frames[layer][n-1]
	}
	return time.Time{}
}

// fakeFeed delivers a video and an audio packet every 40 ms of a fake clock. The first keyframe comes after 1 s, from then on
// every fourth frame is one.
type fakeFeed struct {
	url   string
	layer int
	rig   *rig
}

// rig is a camera whose streams are fake feeds.
type rig struct {
	*streams
	seat *seat

	mu      sync.Mutex
	down    [2]bool          // by layer
	mute    [2]bool          // by layer: the feeds run and deliver nothing
	keyless [2]bool          // by layer: no frame is a keyframe
	lossy   [2]bool          // by layer: every frame follows a loss
	lasts   [2]time.Duration // by layer: how long a feed runs before it breaks; zero: until it is stopped
	sent    [2]time.Time     // by layer: when a feed last delivered video
	opened  [2]int           // by layer: how many feeds ran
	running int
	most    int // largest value of running
}

func newRig(ctx context.Context, cfg Config) (r *rig, wait func()) { return newRigWith(ctx, cfg, nil) }

// newRigWith is newRig, and calls set, unless it is nil, before anything is pulled.
func newRigWith(ctx context.Context, cfg Config, set func(*rig)) (r *rig, wait func()) {
	r = &rig{seat: &seat{}}
	if set != nil {
		set(r)
	}
	r.streams = newStreams(cfg, r.seat, startFeed, newHealth(), slog.New(slog.DiscardHandler))
	r.open = func(url string) (Feed, error) {
		return &fakeFeed{url: url, rig: r, layer: slices.Index(cfg.urls(), url)}, nil
	}
	done := make(chan struct{})
	go func() { defer close(done); r.run(ctx) }()
	return r, func() { <-done }
}

func (r *rig) set(layer int, down bool) { r.do(func() { r.down[layer] = down }) }

// do calls change, which may change the fields that mu protects.
func (r *rig) do(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

var errFeed = errors.New("broken")

// count adds n to the feeds that run.
func (f *fakeFeed) count(n int) {
	f.rig.mu.Lock()
	defer f.rig.mu.Unlock()
	f.rig.running += n
	f.rig.most = max(f.rig.most, f.rig.running)
}

// next notes that the feed delivers a frame. It tells how the frame is.
func (f *fakeFeed) next() (broken, silent, keyless, lossy bool) {
	f.rig.mu.Lock()
	defer f.rig.mu.Unlock()
	broken, silent, keyless, lossy = f.rig.down[f.layer], f.rig.mute[f.layer], f.rig.keyless[f.layer], f.rig.lossy[f.layer]
	if !broken && !silent {
		f.rig.sent[f.layer] = time.Now()
	}
	return broken, silent, keyless, lossy
}

func (f *fakeFeed) Run(ctx context.Context, out func(mixer.Packet), _ <-chan struct{}) error {
	f.count(1)
	defer f.count(-1)
	f.rig.do(func() { f.rig.opened[f.layer]++ })
	var end <-chan time.Time // never
	f.rig.do(func() {
		if d := f.rig.lasts[f.layer]; d > 0 {
			end = time.After(d)
		}
	})
	for n := 0; ; n++ {
		if broken, _, _, _ := f.next(); broken {
			return errFeed
		}
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return errFeed
		case <-time.After(40 * time.Millisecond):
		}
		broken, silent, keyless, lossy := f.next()
		if broken {
			return errFeed
		}
		if silent {
			continue
		}
		at := time.Duration(n) * 40 * time.Millisecond
		out(mixer.Packet{Codec: mixer.H264, PTS: at, Key: n >= 25 && n%4 == 0 && !keyless, Lost: lossy})
		out(mixer.Packet{Codec: mixer.Opus, Data: []byte(f.url), PTS: at, Duration: 40 * time.Millisecond})
	}
}

// fresh names the layers of which a feed delivered a frame in the last 100 ms.
func (r *rig) fresh() string {
	var all []string
	for layer := range r.pulls {
		var sent time.Time
		r.do(func() { sent = r.sent[layer] })
		if time.Since(sent) < 100*time.Millisecond {
			all = append(all, fmt.Sprint(layer))
		}
	}
	return strings.Join(all, " and ")
}

// after lets time pass and checks which layers are pulled then.
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

// TestMakeBeforeBreak: the old stream is pulled until the new one's first keyframe is 1 s old.
func TestMakeBeforeBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRig(ctx, Config{URL: "main", SubURL: "sub", Audio: AudioTrue})
		r.after(t, 5*time.Second, "1") // the cheaper one, before the first demand
		r.demand(large)
		r.after(t, 500*time.Millisecond, "0 and 1")  // no keyframe yet
		r.after(t, 1300*time.Millisecond, "0 and 1") // a keyframe, for less than a second
		r.after(t, time.Second, "0")
		r.demand(small)
		r.after(t, 500*time.Millisecond, "0 and 1")
		r.demand(large) // taken back: the main stream still runs
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
		if want := []string{"sub", "main", "sub"}; !slices.Equal(r.seat.owners, want) {
			t.Errorf("audio of %v; want %v", r.seat.owners, want)
		}
		checkAudio(t, r.seat.audio)
	})
}

// checkAudio wants audio packets that do not overlap, with no gap longer than the start of a feed takes.
func checkAudio(t *testing.T, packets []mixer.Packet) {
	t.Helper()
	for i := range packets[1:] {
		gap := packets[i+1].PTS - packets[i].PTS - packets[i].Duration
		if gap < 0 || gap > 60*time.Millisecond {
			t.Errorf("audio packet %d begins %v after the end of the one before", i+1, gap)
		}
		if changed := string(packets[i+1].Data) != string(packets[i].Data); changed && !packets[i+1].Lost {
			t.Errorf("audio packet %d of another stream is not marked as lost", i+1)
		}
	}
}

// TestABrokenStreamIsReplaced: while the wanted stream is broken the other one is pulled, and the wanted one again as soon as
// it works.
func TestABrokenStreamIsReplaced(t *testing.T) {
	for layer, d := range []mixer.Demand{large, small} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, wait := newRig(ctx, Config{URL: "main", SubURL: "sub", Audio: AudioTrue})
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

// TestOneStream: a camera without a sub-stream is pulled for every demand, and again after it broke.
func TestOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRig(ctx, Config{URL: "main", Audio: AudioNever})
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
		if r.most != 1 || len(r.seat.audio) != 0 {
			t.Errorf("%d feeds at once and %d audio packets; want one and none", r.most, len(r.seat.audio))
		}
	})
}

// TestManyDemands: demands that change faster than streams start neither leak a stream nor pull one twice.
func TestManyDemands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRig(ctx, Config{URL: "main", SubURL: "sub", Audio: AudioTrue})
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
		checkAudio(t, r.seat.audio)
	})
}

// TestSubURLIsChecked: the error names the configuration key.
func TestSubURLIsChecked(t *testing.T) {
	err := Config{Name: "Gate", URL: "test:", SubURL: "ftp://x"}.Validate()
	if err == nil || !strings.Contains(err.Error(), "sub_url: ") {
		t.Errorf("got %v; want one that names sub_url", err)
	}
	if err := (Config{Name: "Gate", URL: "test:", SubURL: "test:?w=160&h=90"}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestRefreshReachesAllStreams: a refresh is passed to all streams and never blocks.
func TestRefreshReachesAllStreams(t *testing.T) {
	s := newStreams(Config{URL: "main", SubURL: "sub"}, &seat{}, startFeed, newHealth(), slog.New(slog.DiscardHandler))
	s.refresh()
	s.refresh()
	for _, p := range s.pulls {
		if len(p.keyframes) != 1 {
			t.Errorf("layer %d was asked %d times", p.layer, len(p.keyframes))
		}
	}
}
