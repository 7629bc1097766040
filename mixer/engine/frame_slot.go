package engine

import (
	"sync"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// frameSlot keeps the newest frame of one source, with its cutouts. A frame that was not fetched before the next frame comes
// is dropped. Only one goroutine at a time may call replace, restore, touch, touchUnknown, expectOther and clear. All other methods
// are safe for concurrent use.
type frameSlot struct {
	frozenAfter time.Duration // see mixer.SourceSpec; never changes
	frames      mixer.Meter   // counts the frames that can be shown

	mu        sync.Mutex
	newest    codec.Decoded // owned; its Frame is nil before the first replace; only replace, restore and clear change it
	seq       uint64        // number of newest
	lastVideo time.Time     // when video of the source last came, see record
	changed   time.Time     // when a frame last differed from the frame before
	rhythm    rhythm        // of the times in lastVideo
	other     bool          // the next frame may differ although nothing has changed in front of the camera
}

// replace takes ownership of d, stores d, and closes the frame that was stored. If d looks like the stored frame, replace
// closes d and keeps the stored frame. Then the next frame is compared with this stored frame again, so small differences do
// not add up.
func (s *frameSlot) replace(d codec.Decoded) {
	if s.newest.Frame != nil && s.newest.LooksLike(&d) {
		d.Close()
		s.touch()
		s.expect(false)
		return
	}
	differs := s.newest.Frame != nil && s.newest.Differs(&d)
	now := time.Now()
	s.mu.Lock()
	s.record(now, differs && !s.other)
	old := s.newest
	s.newest, s.other = d, false
	s.seq++
	s.mu.Unlock()
	old.Close()
}

// restore is replace for a frame that came earlier and was not decoded then. The frame is not compared with the stored one. The time of
// the last video stays, unless no video has come yet.
func (s *frameSlot) restore(d codec.Decoded) {
	s.mu.Lock()
	if s.lastVideo.IsZero() {
		s.record(time.Now(), false)
	}
	old := s.newest
	s.newest = d
	s.seq++
	s.mu.Unlock()
	old.Close()
}

// touch records that video came whose frame is known to look like the frame before.
func (s *frameSlot) touch() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(now, false)
}

// touchUnknown records that video came that is not decoded, and whose frame may differ from the frame before. Such a frame keeps a
// source from getting frozen, but it does not end frozen. So a source does not get frozen and live by turns when a page is shown
// and hidden. Only a decoded frame that differs ends frozen, or an interruption. So the video must be decoded while somebody
// watches it, see videoInput.mustCheck.
func (s *frameSlot) touchUnknown() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(now, !s.unchangedForLong())
}

// frozen reports whether the frames have been the same for frozenAfter.
func (s *frameSlot) frozen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unchangedForLong()
}

// unchangedForLong does the work of frozen. The caller must hold s.mu.
func (s *frameSlot) unchangedForLong() bool {
	return s.frozenAfter > 0 && s.lastVideo.Sub(s.changed) >= s.frozenAfter
}

// expectOther is called before a frame that may differ from the stored frame although nothing has changed, such as the first frame of
// another layer.
func (s *frameSlot) expectOther() { s.expect(true) }

func (s *frameSlot) expect(other bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.other = other
}

// record records that video came at the time now. The caller must hold s.mu.
func (s *frameSlot) record(now time.Time, changed bool) {
	s.frames.Add(0)
	gap := now.Sub(s.lastVideo)
	if changed || s.lastVideo.IsZero() || gap > s.rhythm.patience() {
		s.changed = now
	}
	if !s.lastVideo.IsZero() {
		s.rhythm.add(gap)
	}
	s.lastVideo = now
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
	now := s.snapshot()
	return now.seq, now.lastVideo
}

// slotSnapshot describes a slot at one time.
type slotSnapshot struct {
	seq       uint64        // number of the newest frame; zero if there is no frame
	lastVideo time.Time     // when video of the source last came; zero if none has come
	unchanged time.Duration // from the last frame that differed from the frame before to the newest video
	patience  time.Duration // how long after lastVideo the source counts as lost
}

// snapshot describes the slot now.
func (s *frameSlot) snapshot() slotSnapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slotSnapshot{lastVideo: s.lastVideo, unchanged: s.lastVideo.Sub(s.changed), patience: s.rhythm.patience()}
	if s.newest.Frame != nil {
		out.seq = s.seq
	}
	return out
}

// clear removes the frame. The time of the last video stays.
func (s *frameSlot) clear() {
	s.mu.Lock()
	old := s.newest
	s.newest = codec.Decoded{}
	s.mu.Unlock()
	old.Close()
}
