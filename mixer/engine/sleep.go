package engine

import (
	"slices"
	"time"

	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// What is kept of a source that nobody sees, so that its picture is there at once when somebody does: about ten
// seconds of a camera with a key picture every ten.
const (
	asleepPackets = 300
	asleepBytes   = 6 << 20
)

// keep stores a packet instead of decoding it. The decoder's state and what is kept always fit together: decoding
// can go on with it, or at the next key packet.
func (v *videoIn) keep(p mixer.Packet) {
	if time.Since(v.slept) > lostAfter {
		v.source.slot.Clear() // too old to look live when somebody comes
	}
	if p.Key {
		v.forget()
		v.describe(p)
	}
	if v.shape.Load() != nil { // noise is not alive
		v.source.slot.Touch()
	}
	if v.weight+len(p.Data) > asleepBytes || len(v.kept) >= asleepPackets {
		v.forget()
		v.holding = true
	}
	if v.holding && !p.Key && len(v.kept) == 0 {
		return
	}
	v.watch(p)
	v.add(p)
}

func (v *videoIn) add(p mixer.Packet) {
	v.kept = append(v.kept, p)
	v.weight += len(p.Data)
}

func (v *videoIn) forget() { v.kept, v.weight = nil, 0 }

// describe notes what a key packet says, as long as nothing is decoded.
func (v *videoIn) describe(p mixer.Packet) {
	if info, ok := keyframe.Read(p); ok {
		v.shape.Store(&shape{p.Codec, mixer.Size{W: info.Width, H: info.Height}})
	}
}

// wake decodes what was kept and shows the last good picture of it. Where there is none the old one must not look live.
func (v *videoIn) wake() {
	if !v.replay(true) && v.holding {
		v.source.slot.Clear()
	}
	if v.holding {
		v.ask()
	}
}

// replay decodes what was kept. The last picture before a loss is shown, or none; it tells whether one was.
func (v *videoIn) replay(show bool) (shown bool) {
	kept := v.kept
	v.forget()
	last := len(kept) - 1
	if i := slices.IndexFunc(kept, func(p mixer.Packet) bool { return p.Lost && !p.Key }); i >= 0 {
		last = i - 1
	}
	for i, p := range kept {
		if !v.ready(p) {
			continue
		}
		if err := v.decode(p, show && i == last); err != nil {
			v.fail()
		} else if show && i == last {
			shown = true
		}
	}
	return shown
}

// filterFor is how long after a key picture the loop filter may be left out: the error grows with every picture
// that is predicted from others. A sender is then asked for a key picture, and filtering goes on until it comes.
const filterFor = 10 * time.Second

// loopFilter decides about deblocking, picture by picture.
type loopFilter struct {
	key     time.Time // of the last key picture
	skipped bool      // since then
	asked   bool      // for a new key picture, since then
}

// decide tells whether to skip the filter for the next packet, and whether a key picture would help: a tile that
// has grown shows what was skipped, and a small one could go on without.
func (l *loopFilter) decide(key bool, u use, picture mixer.Size, now time.Time) (skip, ask bool) {
	if key {
		*l = loopFilter{key: now}
	}
	small := u.w > 0 && u.scale(picture) <= 0.5
	expired := now.Sub(l.key) > filterFor
	ask = (l.skipped && !small || small && expired) && !l.asked
	l.asked = l.asked || ask
	skip = small && !expired
	l.skipped = l.skipped || skip
	return skip, ask
}
