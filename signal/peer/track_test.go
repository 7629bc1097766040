package peer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// slowWire notes when packets leave; some take long to write.
type slowWire struct {
	start time.Time
	left  []time.Duration       // when each packet was written, since start
	takes map[int]time.Duration // by the number of the packet
}

func (w *slowWire) WriteRTP(_ *rtp.Header, payload []byte) (int, error) {
	w.left = append(w.left, time.Since(w.start))
	time.Sleep(w.takes[len(w.left)-1])
	return len(payload), nil
}

func (w *slowWire) Write(b []byte) (int, error) { return len(b), nil }

// TestBurstsAreDueByTheClock: a burst leaves n breaths after the first, or at once where that has passed, and what one
// burst was late does not delay those after it.
func TestBurstsAreDueByTheClock(t *testing.T) {
	for name, c := range map[string]struct {
		takes map[int]time.Duration
		want  []time.Duration // of the first packet of each burst
	}{
		"in time":  {nil, []time.Duration{0, breath, 2 * breath, 3 * breath}},
		"one late": {map[int]time.Duration{20: 3 * breath / 2}, []time.Duration{0, breath, 5 * breath / 2, 3 * breath}},
		"too late": {map[int]time.Duration{3: 10 * breath}, []time.Duration{0, 10 * breath, 10 * breath, 10 * breath}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &slowWire{start: time.Now(), takes: c.takes}
				b := &binding{id: mixer.VP8, clock: 90000, writer: w}
				n, _, err := b.write(hub.NewPacket(mixer.Packet{Codec: mixer.VP8, Data: make([]byte, 60_000), Key: true}), 1)
				if err != nil || n <= 3*burst || n > 4*burst {
					t.Fatalf("%d packets, error %v; want four bursts", n, err)
				}
				for i, want := range c.want {
					if got := w.left[i*burst]; got != want {
						t.Errorf("burst %d left at %v, want %v", i, got, want)
					}
				}
			})
		})
	}
}
