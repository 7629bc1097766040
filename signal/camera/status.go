package camera

import (
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// Stats is a snapshot of a camera.
type Stats struct {
	Reconnects  uint64        // how often pictures came again after a session had ended
	Bytes       uint64        // of all media that came
	LostPackets uint64        // RTP packets
	LastPicture time.Time     // when the last picture came; zero: none has come
	Trouble     mixer.Trouble // zero: pictures come
	Since       time.Time     // when Trouble last changed
	// AudioTrouble says why the audio is not taken. It is zero if audio comes, and if the camera offers none.
	AudioTrouble mixer.Trouble
}

// status is the state of a camera over all its sessions and memberships. It is safe for concurrent use.
type status struct {
	reconnects, bytes, lost atomic.Uint64
	picture                 atomic.Int64 // when the last picture came, in Unix ns; zero: none has come

	mu      sync.Mutex
	trouble mixer.Trouble
	since   time.Time
	audio   mixer.Trouble
}

// newStatus returns the status of a camera that connects for the first time.
func newStatus() *status {
	return &status{trouble: mixer.Trouble{Reason: mixer.ReasonConnecting}, since: time.Now()}
}

// received counts a packet.
func (s *status) received(p mixer.Packet, now time.Time) {
	s.bytes.Add(uint64(len(p.Data)))
	if p.Codec.IsVideo() {
		s.picture.Store(now.UnixNano())
	}
}

// setTrouble sets the trouble. The result tells whether it has changed.
func (s *status) setTrouble(t mixer.Trouble) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble == t {
		return false
	}
	s.trouble, s.since = t, time.Now()
	return true
}

// setAudioTrouble sets why the audio is not taken.
func (s *status) setAudioTrouble(t mixer.Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audio = t
}

// stats returns a snapshot.
func (s *status) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{
		Reconnects: s.reconnects.Load(), Bytes: s.bytes.Load(), LostPackets: s.lost.Load(),
		Trouble: s.trouble, Since: s.since, AudioTrouble: s.audio,
	}
	if at := s.picture.Load(); at != 0 {
		out.LastPicture = time.Unix(0, at)
	}
	return out
}
