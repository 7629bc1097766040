package engine

import (
	"sync"
	"time"

	"azulejo/codec"
)

// frameSlot keeps the newest frame of one source, with its cutouts. Frames that nobody fetched are dropped. Put and Clear are
// for one goroutine at a time, all other methods for any.
type frameSlot struct {
	mu     sync.Mutex
	newest codec.Decoded // owned; without a frame until the first Put; only Put and Clear change it
	seq    uint64        // number of newest
	at     time.Time     // when the source was last alive
}

// Put takes over d and closes what it replaces. A frame that looks like the one in the slot does not replace it: so small
// differences do not add up.
func (s *frameSlot) Put(d codec.Decoded) {
	if s.newest.Frame != nil && s.newest.LooksLike(&d) {
		d.Close()
		s.Touch()
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

// Touch notes that the source is alive.
func (s *frameSlot) Touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Now()
}

// Latest returns another owner of the newest frame, nil if there is none.
func (s *frameSlot) Latest() *codec.Frame {
	f, _ := s.LatestMarked()
	return f
}

// LatestMarked is Latest with the number of the frame.
func (s *frameSlot) LatestMarked() (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest.Frame.Ref(), s.seq
}

// LatestCutout returns another owner of the cutout that the decoder made of the newest frame for a tile of that look, and
// the number of the frame; nil if it made none.
func (s *frameSlot) LatestCutout(look stillKey) (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return nil, s.seq
	}
	return s.newest.Cutout(look.cutout(s.newest.Frame)), s.seq
}

// DisplaySize is the display size of the newest frame in pixels, zero if there is none.
func (s *frameSlot) DisplaySize() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return 0, 0
	}
	return s.newest.Frame.DisplaySize()
}

// Mark returns the number of the newest frame, zero if there is none, and when the source was last alive. No two frames
// of a slot have the same number.
func (s *frameSlot) Mark() (seq uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return 0, s.at
	}
	return s.seq, s.at
}

// Clear releases the frame.
func (s *frameSlot) Clear() {
	s.mu.Lock()
	old := s.newest
	s.newest = codec.Decoded{}
	s.mu.Unlock()
	old.Close()
}
