package engine

import (
	"sync"
	"time"

	"azulejo/codec"
)

// frameSlot keeps the newest frame of one source, with its cutouts. A frame that is replaced before anybody fetched it is
// dropped. replace and clear are for one goroutine at a time, all other methods for any.
type frameSlot struct {
	mu     sync.Mutex
	newest codec.Decoded // owned; without a frame until the first replace; only replace and clear change it
	seq    uint64        // number of newest
	at     time.Time     // when the source was last alive
}

// replace takes over d and closes the frame that it replaces. If d looks like the frame in the slot, d is closed instead:
// so small differences do not add up.
func (s *frameSlot) replace(d codec.Decoded) {
	if s.newest.Frame != nil && s.newest.LooksLike(&d) {
		d.Close()
		s.touch()
		return
	}
	s.mu.Lock()
	old := s.newest
	s.newest = d
	s.seq++
	s.at = time.Now()
	s.mu.Unlock()
	old.Close()
}

// touch notes that the source is alive.
func (s *frameSlot) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Now()
}

// latest returns another owner of the newest frame, nil if there is none.
func (s *frameSlot) latest() *codec.Frame {
	f, _ := s.latestNumbered()
	return f
}

// latestNumbered is latest with the number of the frame.
func (s *frameSlot) latestNumbered() (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest.Frame.Ref(), s.seq
}

// latestCutout returns another owner of the cutout that the decoder made of the newest frame for a still with that key,
// and the number of the frame. The cutout is nil if the decoder made none.
func (s *frameSlot) latestCutout(key stillKey) (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return nil, s.seq
	}
	return s.newest.Cutout(key.cutout(s.newest.Frame)), s.seq
}

// displaySize is the display size of the newest frame in pixels, zero if there is none.
func (s *frameSlot) displaySize() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return 0, 0
	}
	return s.newest.Frame.DisplaySize()
}

// status returns the number of the newest frame, zero if there is none, and when the source was last alive. Each frame of
// a slot has its own number.
func (s *frameSlot) status() (seq uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return 0, s.at
	}
	return s.seq, s.at
}

// clear releases the frame.
func (s *frameSlot) clear() {
	s.mu.Lock()
	old := s.newest
	s.newest = codec.Decoded{}
	s.mu.Unlock()
	old.Close()
}
