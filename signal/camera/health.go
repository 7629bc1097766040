package camera

import (
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// Stats is a snapshot of a camera.
type Stats struct {
	Reconnects  uint64        // how often frames came again after a session had ended
	Bytes       uint64        // of all media that came
	LostPackets uint64        // RTP packets
	LastPicture time.Time     // when the last frame came; zero: none has come
	Trouble     mixer.Trouble // zero: frames come
}

// health is the state of a camera over all its sessions and memberships. It is safe for concurrent use.
type health struct {
	reconnects, bytes, lost atomic.Uint64
	frame                   atomic.Int64 // when the last frame came, in Unix ns; zero: none has come

	mu      sync.Mutex
	trouble mixer.Trouble
}

// newHealth returns the health of a camera that connects for the first time.
func newHealth() *health {
	return &health{trouble: mixer.Trouble{Reason: mixer.ReasonConnecting}}
}

// received counts a packet.
func (s *health) received(p mixer.Packet, now time.Time) {
	s.bytes.Add(uint64(len(p.Data)))
	if p.Codec.IsVideo() {
		s.frame.Store(now.UnixNano())
	}
}

// setTrouble sets the trouble.
func (s *health) setTrouble(t mixer.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = t
}

// stats returns a snapshot.
func (s *health) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{
		Reconnects: s.reconnects.Load(), Bytes: s.bytes.Load(), LostPackets: s.lost.Load(),
		Trouble: s.trouble,
	}
	if at := s.frame.Load(); at != 0 {
		out.LastPicture = time.Unix(0, at)
	}
	return out
}
