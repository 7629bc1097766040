package engine

import (
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
)

// gradual is a video with gradual intra refresh, as packets and as frames. The only IDR picture is the first. A recovery point
// begins every 15 packets.
type gradual struct {
	packets []mixer.Packet
	frames  map[time.Duration]*codec.Frame // by PTS
}

func filmGradual(t *testing.T) gradual {
	t.Helper()
	g := gradual{frames: map[time.Duration]*codec.Frame{}, packets: codectest.Film(t, "testsrc2=size=320x180:rate=15:duration=4",
		"-pix_fmt", "yuv420p", "-x264-params", "intra-refresh=1:keyint=15:min-keyint=15:bframes=0:scenecut=0:repeat-headers=1")}
	d, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, p := range g.packets {
		g.packets[i].Key = i%15 == 0
		frames, err := d.Decode(p)
		if err != nil || len(frames) != 1 {
			t.Fatalf("packet %d: %d frames, %v", i, len(frames), err)
		}
		g.frames[frames[0].PTS] = frames[0]
		t.Cleanup(frames[0].Close)
	}
	return g
}

// drained waits until no packet waits for the decoder. The last packet may still be decoded.
func (a *audience) drained() {
	a.t.Helper()
	eventually(a.t, 5*time.Second, "the packets are read", func() bool { return len(a.src.video.packets) == 0 })
}

// check reports whether a frame is shown, and fails if this frame is not exact.
func (g gradual) check(t *testing.T, slot *frameSlot) bool {
	t.Helper()
	f := slot.latest()
	defer f.Close()
	if f != nil && !f.Same(g.frames[f.PTS]) {
		t.Errorf("the frame at %v is not exact", f.PTS)
	}
	return f != nil
}

// TestIncompleteRefreshIsNotShown: after a gap, decoding starts at a recovery point. Frames are shown when the refresh is
// complete.
func TestIncompleteRefreshIsNotShown(t *testing.T) {
	g := filmGradual(t)
	for name, pause := range map[string]func(a *audience, src *publisher){
		"packets are lost": func(_ *audience, src *publisher) {
			for i, p := range g.packets[15:22] {
				p.Lost = i == 0
				src.WriteVideo(p)
			}
		},
		"nobody sees it meanwhile": func(a *audience, src *publisher) {
			a.look(false)
			for _, p := range g.packets[8:22] {
				src.WriteVideo(p)
			}
			a.drained()
			a.look(true)
		},
		"the queue was full": func(_ *audience, src *publisher) {
			src.video.overflow.Store(true)
			src.WriteVideo(g.packets[8])
			eventually(t, 5*time.Second, "it is dropped", func() bool { return src.Stats().Dropped > 0 })
			for _, p := range g.packets[15:22] {
				src.WriteVideo(p)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := start(t, small)
			src := m.AddSource(SourceConfig{Name: "a"})
			a := newAudience(t, src)
			for _, p := range g.packets[:8] {
				src.WriteVideo(p)
			}
			eventually(t, 5*time.Second, "it is shown", func() bool { return g.check(t, &src.slot) })
			a.drained()
			pause(a, src)
			dropped := src.Stats().Dropped
			last := g.packets[22]
			last.Lost = true
			src.WriteVideo(last)
			eventually(t, 5*time.Second, "all before the loss is decoded", func() bool { return src.Stats().Dropped > dropped })
			g.check(t, &src.slot)
			for _, p := range g.packets[30:] {
				src.WriteVideo(p)
			}
			eventually(t, 5*time.Second, "the last frame is shown", func() bool {
				f := src.slot.latest()
				defer f.Close()
				return f != nil && f.PTS == g.packets[len(g.packets)-1].PTS
			})
			g.check(t, &src.slot)
			if n := src.Stats().Invalid; n > 0 {
				t.Errorf("%d packets were invalid", n)
			}
		})
	}
}
