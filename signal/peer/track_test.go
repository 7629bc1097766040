package peer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// slowWriter records when packets are written; some take long.
type slowWriter struct {
	start time.Time
	left  []time.Duration       // when each packet was written, since start
	takes map[int]time.Duration // by the number of the packet
}

func (w *slowWriter) WriteRTP(_ *rtp.Header, payload []byte) (int, error) {
	w.left = append(w.left, time.Since(w.start))
	time.Sleep(w.takes[len(w.left)-1])
	return len(payload), nil
}

func (w *slowWriter) Write(b []byte) (int, error) { return len(b), nil }

// TestBurstsAreDueByTheClock: burst n leaves n intervals after the first, or at once if that has passed. A late burst
// does not delay the later ones.
func TestBurstsAreDueByTheClock(t *testing.T) {
	for name, c := range map[string]struct {
		takes map[int]time.Duration
		want  []time.Duration // of the first packet of each burst
	}{
		"in time":  {nil, []time.Duration{0, burstInterval, 2 * burstInterval, 3 * burstInterval}},
		"one late": {map[int]time.Duration{20: 3 * burstInterval / 2}, []time.Duration{0, burstInterval, 5 * burstInterval / 2, 3 * burstInterval}},
		"too late": {map[int]time.Duration{3: 10 * burstInterval}, []time.Duration{0, 10 * burstInterval, 10 * burstInterval, 10 * burstInterval}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &slowWriter{start: time.Now(), takes: c.takes}
				b := &binding{codec: mixer.VP8, clockRate: 90000, writer: w}
				n, _, err := b.write(hub.NewPacket(mixer.Packet{Codec: mixer.VP8, Data: make([]byte, 60_000), Key: true}), 1)
				if err != nil || n <= 3*burstSize || n > 4*burstSize {
					t.Fatalf("%d packets, error %v; want four bursts", n, err)
				}
				for i, want := range c.want {
					if got := w.left[i*burstSize]; got != want {
						t.Errorf("burst %d left at %v, want %v", i, got, want)
					}
				}
			})
		})
	}
}
