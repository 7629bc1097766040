package mixer

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

// Put takes over f and releases the picture it replaces.
func (s *Slot) Put(f *codec.Frame) {
	s.mu.Lock()
	old := s.f
	s.f = f
	s.seq++
	s.at = time.Now()
	s.mu.Unlock()
	old.Close()
}

// Latest returns another owner of the newest picture, nil before the first.
func (s *Slot) Latest() *codec.Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f.Ref()
}

// Mark tells how many pictures there were and when the newest came.
func (s *Slot) Mark() (seq uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
