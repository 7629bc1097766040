package camera

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer"
)

// reaches checks that frames of exactly these layers have reached the room in the last 100 ms.
func (r *rig) reaches(t *testing.T, want ...int) {
	t.Helper()
	synctest.Wait()
	var got []int
	for layer := range r.pulls {
		if time.Since(r.seat.last(layer)) < 100*time.Millisecond {
			got = append(got, layer)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("layers %v reach the room, want %v", got, want)
	}
}

// sessions returns how many feeds of a layer ran.
func (r *rig) sessions(layer int) (n int) {
	r.do(func() { n = r.opened[layer] })
	return n
}

// bubble runs a test of a camera with a sub-stream on a fake clock. set prepares the rig before anything is pulled.
func bubble(t *testing.T, set, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRigWith(ctx, Config{URL: "main", SubURL: "sub", Audio: AudioTrue}, set)
		test(r)
		cancel()
		wait()
		if r.running != 0 {
			t.Errorf("%d feeds are left", r.running)
		}
	})
}

// TestAStreamThatNeverWorks: the other one reaches the room within 3 s, stays while the mixer wants the broken one and while
// it gives that up, and leaves again when that one works.
func TestAStreamThatNeverWorks(t *testing.T) {
	for name, set := range map[string]func(r *rig, is bool){
		"it breaks":           func(r *rig, is bool) { r.down[1] = is },
		"it is silent":        func(r *rig, is bool) { r.mute[1] = is },
		"it has no keyframes": func(r *rig, is bool) { r.keyless[1] = is },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) { set(r, true) }, func(r *rig) {
				r.demand(small)
				time.Sleep(3300 * time.Millisecond) // the fake's first keyframe takes 1.2 s of that
				r.reaches(t, 0)
				for range 5 { // the mixer gives the sub-stream up, and wants it again later
					r.demand(mixer.Demand{Width: small.Width, Height: small.Height, Layer: 0})
					time.Sleep(25 * time.Second)
					r.reaches(t, 0)
					r.demand(small)
					time.Sleep(5 * time.Second)
					r.reaches(t, 0)
				}
				if told := r.seat.reasons(); told[len(told)-1] != "" {
					t.Errorf("told %q while the main stream stands in", told)
				}
				r.do(func() { set(r, false) })
				time.Sleep(75 * time.Second) // its next session
				r.reaches(t, 1)
				r.after(t, 0, "1")
			})
		})
	}
}

// TestAStreamThatTheMixerCannotUse: the mixer wants the other stream of the same tile although the wanted one delivers.
func TestAStreamThatTheMixerCannotUse(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.demand(small)
		time.Sleep(5 * time.Second)
		r.reaches(t, 1)
		r.demand(mixer.Demand{Width: small.Width, Height: small.Height, Layer: 0})
		r.after(t, 5*time.Second, "0")
		r.demand(small) // a try: the keyframe does not decode
		time.Sleep(1300 * time.Millisecond)
		r.demand(mixer.Demand{Width: small.Width, Height: small.Height, Layer: 0})
		r.reaches(t, 0, 1)
		r.after(t, 3*time.Second, "0")
		if r.sessions(0) != 1 {
			t.Errorf("the main stream was opened %d times, want once: it was never left", r.sessions(0))
		}
	})
}

// TestAStreamThatComesAndGoes: its pictures reach the room again only once they last.
func TestAStreamThatComesAndGoes(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.demand(small)
		time.Sleep(10 * time.Second)
		r.do(func() { r.lasts[1] = 2 * time.Second }) // one second of pictures
		r.set(1, true)
		time.Sleep(time.Second)
		r.set(1, false)
		jumps, shown := 0, true
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			now := time.Since(r.seat.last(1)) < 100*time.Millisecond
			if now && !shown {
				jumps++
			}
			shown = now
		}
		if jumps > 1 {
			t.Errorf("the sub-stream came back %d times in a minute", jumps)
		}
		if r.sessions(1) < 5 {
			t.Errorf("it was tried %d times in a minute", r.sessions(1))
		}
		r.reaches(t, 0)
		r.do(func() { r.lasts[1] = 0 })
		time.Sleep(80 * time.Second)
		r.reaches(t, 1)
		r.after(t, 0, "1")
	})
}

// TestABrokenStreamWaitsForSilence: the mixer changes to the main stream at a keyframe, and only when the sub-stream has been
// silent for a second. So the main stream's first keyframe comes after that.
func TestABrokenStreamWaitsForSilence(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.demand(small)
		time.Sleep(10 * time.Second)
		r.set(1, true)
		time.Sleep(time.Second)
		if r.sessions(0) != 0 {
			t.Error("the main stream was opened at once")
		}
		time.Sleep(1300 * time.Millisecond)
		r.reaches(t, 0)
	})
}

// TestAStreamWhosePicturesStop: the other stream stands in before the session is ended, and leaves again.
func TestAStreamWhosePicturesStop(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.demand(small)
		time.Sleep(10 * time.Second)
		r.do(func() { r.mute[1] = true })
		time.Sleep(3500 * time.Millisecond) // the main stream's first keyframe takes 1.2 s of that
		r.reaches(t, 0)
		r.do(func() { r.mute[1] = false })
		time.Sleep(500 * time.Millisecond)
		r.reaches(t, 0, 1)
		r.after(t, 2*time.Second, "1")
		if r.sessions(1) != 1 {
			t.Errorf("%d sessions of the sub-stream, want one", r.sessions(1))
		}
	})
}

// TestBothStreamsBroken: the trouble is that of the wanted stream, and whichever comes back first is shown.
func TestBothStreamsBroken(t *testing.T) {
	bubble(t, func(r *rig) { r.down[0], r.down[1] = true, true }, func(r *rig) {
		r.demand(small)
		time.Sleep(10 * time.Second)
		r.reaches(t)
		if told := r.seat.reasons(); !slices.Equal(told, []mixer.Reason{mixer.ReasonConnecting, mixer.ReasonReconnecting}) {
			t.Errorf("told %q", told)
		}
		r.set(0, false)
		time.Sleep(10 * time.Second)
		r.reaches(t, 0)
		if told := r.seat.reasons(); told[len(told)-1] != "" {
			t.Errorf("told %q", told)
		}
	})
}

// TestAStalledStreamIsPulledAnew: pictures stop and the session goes on.
func TestAStalledStreamIsPulledAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRigWith(ctx, Config{URL: "main"}, nil)
		time.Sleep(20 * time.Second)
		for range 3 {
			r.do(func() { r.mute[0] = true })
			time.Sleep(4900 * time.Millisecond)
			r.do(func() { r.mute[0] = false })
			n := r.sessions(0)
			time.Sleep(10 * time.Second) // it was only slow
			if got := r.sessions(0); got != n {
				t.Error("a session was ended after 4.9 s")
			}
			r.do(func() { r.mute[0] = true })
			time.Sleep(5500 * time.Millisecond)
			if got := r.sessions(0); got != n+1 {
				t.Errorf("%d sessions, want %d", got, n+1)
			}
			r.do(func() { r.mute[0] = false })
			time.Sleep(10 * time.Second)
			r.reaches(t, 0)
		}
		want := []mixer.Reason{mixer.ReasonConnecting, ""}
		for range 3 {
			want = append(want, mixer.ReasonStalled, mixer.ReasonReconnecting, "")
		}
		if told := r.seat.reasons(); !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		if got := r.status.stats(); got.Reconnects != 3 || got.Trouble != (mixer.Trouble{}) || time.Since(got.LastPicture) > time.Second {
			t.Errorf("stats %+v", got)
		}
		cancel()
		wait()
	})
}

// TestAKeyframeIsFetched: after a loss the mixer requests keyframes, which RTSP cannot pass on.
func TestAKeyframeIsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, wait := newRigWith(ctx, Config{URL: "main"}, nil)
		time.Sleep(2 * time.Second)
		r.do(func() { r.keyless[0] = true })
		time.Sleep(6 * time.Second)
		for range 4 { // requests without a loss: a viewer came
			r.refresh()
			time.Sleep(time.Second)
		}
		r.do(func() { r.lossy[0] = true })
		time.Sleep(4 * time.Second)
		if r.sessions(0) != 1 {
			t.Errorf("%d sessions although nobody needs a keyframe after a loss", r.sessions(0))
		}
		r.refresh()
		time.Sleep(1100 * time.Millisecond)
		r.do(func() { r.lossy[0], r.keyless[0] = false, false })
		time.Sleep(1500 * time.Millisecond)
		r.reaches(t, 0)
		if r.sessions(0) != 2 {
			t.Errorf("%d sessions, want a second one", r.sessions(0))
		}
		cancel()
		wait()
	})
}
