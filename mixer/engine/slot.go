package engine

import (
	"sync"
	"time"

	"azulejo/codec"
)

// Slot keeps the newest frame of one source. Frames that nobody fetched are dropped. Safe for concurrent use.
type Slot struct {
	mu  sync.Mutex
	f   *codec.Frame // owned; nil until the first Put
	seq uint64       // number of f
	at  time.Time    // when the source was last alive
}

// Put takes over f and releases the frame it replaces. A frame that looks like the one in the slot does not replace it:
// so small differences do not add up.
func (s *Slot) Put(f *codec.Frame) {
	old := s.Latest()
	defer old.Close()
	if old != nil && old.LooksLike(f) {
		f.Close()
		s.Touch()
		return
	}
	s.mu.Lock()
	replaced := s.f
	s.f = f
	s.seq++
	s.at = time.Now()
	s.mu.Unlock()
	replaced.Close()
}

// Touch notes that the source is alive.
func (s *Slot) Touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Now()
}

// Latest returns another owner of the newest frame, nil if there is none.
func (s *Slot) Latest() *codec.Frame {
	f, _ := s.LatestMarked()
	return f
}

// LatestMarked is Latest with the number of the frame.
func (s *Slot) LatestMarked() (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f.Ref(), s.seq
}

// DisplaySize is the display size of the newest frame in pixels, zero if there is none.
func (s *Slot) DisplaySize() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return 0, 0
	}
	return s.f.DisplaySize()
}

// Mark returns the number of the newest frame, zero if there is none, and when the source was last alive. No two frames
// of a slot have the same number.
func (s *Slot) Mark() (seq uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return 0, s.at
	}
	return s.seq, s.at
}

// Clear releases the frame.
func (s *Slot) Clear() {
	s.mu.Lock()
	old := s.f
	s.f = nil
	s.mu.Unlock()
	old.Close()
}
