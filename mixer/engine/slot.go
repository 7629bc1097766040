package engine

import (
	"sync"
	"time"

	"azulejo/codec"
)

// Slot keeps the newest picture of one source and drops the ones nobody came for.
type Slot struct {
	mu  sync.Mutex
	f   *codec.Frame // owned; nil until the first Put
	seq uint64
	at  time.Time
}

// Put takes over f and releases the picture it replaces. A picture that looks like the one that is kept is not
// a new one, so that small differences do not add up.
func (s *Slot) Put(f *codec.Frame) {
	old := s.Latest()
	defer old.Close()
	if old != nil && old.LooksLike(f) {
		f.Close()
		s.Touch()
		return
	}
	s.mu.Lock()
	was := s.f
	s.f = f
	s.seq++
	s.at = time.Now()
	s.mu.Unlock()
	was.Close()
}

// Touch notes that the source is alive.
func (s *Slot) Touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Now()
}

// Latest returns another owner of the newest picture, nil before the first.
func (s *Slot) Latest() *codec.Frame {
	f, _ := s.LatestMarked()
	return f
}

// LatestMarked is Latest with the number of the picture.
func (s *Slot) LatestMarked() (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f.Ref(), s.seq
}

// DisplaySize is that of the newest picture, zero before the first.
func (s *Slot) DisplaySize() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return 0, 0
	}
	return s.f.DisplaySize()
}

// Mark tells the number of the newest picture, zero when there is none, and when the source was last alive.
func (s *Slot) Mark() (seq uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return 0, s.at
	}
	return s.seq, s.at
}

// Clear releases the picture.
func (s *Slot) Clear() {
	s.mu.Lock()
	old := s.f
	s.f = nil
	s.mu.Unlock()
	old.Close()
}
