package engine

import (
	"sync"
	"time"

	"azulejo/codec"
)

// frameSlot keeps the newest frame of one source, with its cutouts. A frame that was not fetched before the next frame comes
// is dropped. Only one goroutine at a time may call replace and clear. All other methods are safe for concurrent use.
type frameSlot struct {
	mu        sync.Mutex
	newest    codec.Decoded // owned; its Frame is nil before the first replace; only replace and clear change it
	seq       uint64        // number of newest
	lastVideo time.Time     // when video of the source last came: the time of the last replace or touch
}

// replace takes ownership of d, stores d, and closes the frame that was stored. If d looks like the stored frame, replace
// closes d and keeps the stored frame. Then the next frame is compared with this stored frame again, so small differences do
// not add up.
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
	s.lastVideo = time.Now()
	s.mu.Unlock()
	old.Close()
}

// touch sets the time of the last video to now. It is called for packets that need not be decoded.
func (s *frameSlot) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastVideo = time.Now()
}

// latest returns a new reference to the newest frame. The result is nil if there is none.
func (s *frameSlot) latest() *codec.Frame {
	f, _ := s.latestNumbered()
	return f
}

// latestNumbered returns a new reference to the newest frame, and the number of the frame. The reference is nil if there is no
// frame.
func (s *frameSlot) latestNumbered() (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest.Frame.Ref(), s.seq
}

// latestCutout returns the cutout of the newest frame for a still with the given key, and the number of the frame. The cutout
// is a new reference. It is nil if the decoder has not made this cutout.
func (s *frameSlot) latestCutout(key stillKey) (*codec.Frame, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return nil, s.seq
	}
	return s.newest.Cutout(key.cutout(s.newest.Frame)), s.seq
}

// displaySize returns the display size of the newest frame in pixels. Both results are zero if there is no frame.
func (s *frameSlot) displaySize() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return 0, 0
	}
	return s.newest.Frame.DisplaySize()
}

// status returns the number of the newest frame, and when video of the source last came. seq is zero if there is no frame.
// Each frame of a slot has another number. lastVideo is zero if no video has come.
func (s *frameSlot) status() (seq uint64, lastVideo time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Frame == nil {
		return 0, s.lastVideo
	}
	return s.seq, s.lastVideo
}

// clear removes the frame. The time of the last video stays.
func (s *frameSlot) clear() {
	s.mu.Lock()
	old := s.newest
	s.newest = codec.Decoded{}
	s.mu.Unlock()
	old.Close()
}
