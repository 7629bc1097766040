package engine

import (
	"sync"
	"time"

	"azulejo/codec"
)

// frameSlot keeps the newest frame of one source, with its cutouts. Frames that nobody fetches in time are dropped.
// replace and clear must be called by one goroutine at a time. All other methods are safe for concurrent use.
type frameSlot struct {
	mu     sync.Mutex
	newest codec.Decoded // owned; its Frame is nil before the first replace; only replace and clear change it
	seq    uint64        // number of newest
	at     time.Time     // when replace or touch was last called: the source was alive
}

// replace becomes the owner of d, stores it, and closes the frame that was stored. If d looks like the stored frame,
// replace closes d instead and keeps that frame. Each new frame is compared with the stored one, so small differences
// do not add up.
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

// touch sets the time at which the source was last alive.
func (s *frameSlot) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Now()
}

// latest returns a new reference to the newest frame, nil if there is none.
func (s *frameSlot) latest() *codec.Frame {
	f, _ := s.latestNumbered()
	return f
}

// latestNumbered returns a new reference to the newest frame, nil if there is none, and the number of the frame.
func (s *frameSlot) latestNumbered() (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest.Frame.Ref(), s.seq
}

// latestCutout returns a new reference to a cutout of the newest frame, and the number of the frame. The cutout is the
// one that the decoder made for a still with that key. It is nil if the decoder made none.
func (s *frameSlot) latestCutout(key stillKey) (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return nil, s.seq
	}
	return s.newest.Cutout(key.cutout(s.newest.Frame)), s.seq
}

// displaySize returns the display size of the newest frame in pixels, zero if there is none.
func (s *frameSlot) displaySize() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return 0, 0
	}
	return s.newest.Frame.DisplaySize()
}

// status returns the number of the newest frame and the time at which the source was last alive. The number is zero if
// there is no frame. Each frame of a slot has its own number.
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
