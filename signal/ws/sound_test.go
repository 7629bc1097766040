package ws_test

import (
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/client"
	"azulejo/signal/room"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// apart is how much stronger the weakest of the wanted tones is than tone i, in dB; with i of -1
// the floor is -60 dB.
func apart(levels []float64, i int) float64 {
	if levels == nil {
		return -100
	}
	weakest, own := 0.0, -60.0
	for k, l := range levels {
		if k == i {
			own = l
		} else {
			weakest = min(weakest, l)
		}
	}
	return weakest - own
}

// TestMixMinus: each of three publishers hears the tones of the others and not its own; a viewer hears all three.
func TestMixMinus(t *testing.T) {
	s := serve(t, setup{})
	tones := []float64{440, 1000, 2300}
	var ears []*mixertest.Listener
	for _, hz := range tones {
		e := mixertest.NewListener(t)
		ears = append(ears, e)
		c := s.dial(t, client.Config{Name: "tone", PublishAudio: true, View: true, OnAudio: e.Decode})
		signaltest.Play(t, mixertest.Tone(t, hz), c.SendAudio)
	}
	viewer := mixertest.NewListener(t)
	s.dial(t, client.Config{View: true, OnAudio: viewer.Decode})
	await.Until(t, "the viewer hears all three", func() bool { return apart(viewer.Levels(tones), -1) >= 30 })
	t.Logf("viewer hears %.0f dB", viewer.Levels(tones))
	for i, e := range ears {
		e.Forget() // all three sound from here on
		var levels []float64
		await.Until(t, "a publisher hears the others for a second", func() bool {
			levels = e.Levels(tones)
			return levels != nil && min(levels[(i+1)%3], levels[(i+2)%3]) >= -30
		})
		t.Logf("publisher of %v Hz hears %.0f dB", tones[i], levels)
		if apart(levels, i) < 30 {
			t.Errorf("publisher of %v Hz hears %.0f dB; want itself 30 dB below the others", tones[i], levels)
		}
	}
}

// TestALargeCameraIsHeard: the sound of two cameras is not in the common mix. A viewer hears the camera that its view shows large.
func TestALargeCameraIsHeard(t *testing.T) {
	s := serve(t, setup{})
	tones := []float64{440, 1000, 2300}
	for i, name := range []string{"gate", "yard"} {
		m, err := s.registry.Join(t.Context(), "yard", room.Joining{Name: name, Kind: room.Camera, Publish: room.Media{Audio: true, Video: true}, Solo: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Leave)
		signaltest.Play(t, mixertest.Tone(t, tones[i]), func(p mixer.Packet) error { m.WriteAudio(p); return nil })
	}
	speaker := s.dial(t, client.Config{Name: "speaker", PublishAudio: true, View: true})
	signaltest.Play(t, mixertest.Tone(t, tones[2]), speaker.SendAudio)
	ear, other := mixertest.NewListener(t), mixertest.NewListener(t)
	viewer := s.dial(t, client.Config{View: true, OnAudio: ear.Decode})
	s.dial(t, client.Config{View: true, OnAudio: other.Decode})
	hears := func(l *mixertest.Listener, heard ...bool) func() bool {
		return func() bool {
			levels := l.Levels(tones)
			for i, level := range levels {
				if (level > -30) != heard[i] || (level < -60) == heard[i] {
					return false
				}
			}
			return levels != nil
		}
	}
	await.Until(t, "the grid: no camera", hears(ear, false, false, true))
	selecting(t, viewer, client.Selection{Spotlight: "gate"})
	await.Until(t, "the gate", hears(ear, true, false, true))
	selecting(t, viewer, client.Selection{View: "main", Spotlight: "yard", Layout: mixer.KindFocus})
	await.Until(t, "the yard", hears(ear, false, true, true))
	selecting(t, viewer, client.Selection{View: "main"})
	await.Until(t, "no camera again", hears(ear, false, false, true))
	await.Until(t, "none on another grid", hears(other, false, false, true))
}
