package engine

import (
	"slices"
	"time"

	"azulejo/codec/h264"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

// Limits of a sleepBuffer: about ten seconds of a camera with a keyframe every ten seconds.
const (
	asleepPackets = 300
	asleepBytes   = 6 << 20
)

// Limits of a repeatBuffer. A frame that does not repeat waits until the postponed ones are decoded: at 720p 0.7 ms
// each, which is 0.1 s at most. It takes longer with the number of pixels, up to a quarter of a second.
const (
	repeatPackets = 128
	repeatPixels  = 256 * 1280 * 720
	repeatBytes   = 1 << 20
)

// packetList is packets that are not decoded yet, in order. The zero value is empty.
type packetList struct {
	packets []mixer.Packet
	bytes   int
}

func (l *packetList) add(p mixer.Packet) {
	l.packets = append(l.packets, p)
	l.bytes += len(p.Data)
}

func (l *packetList) clear() { *l = packetList{} }

// drain empties the list and returns what it held.
func (l *packetList) drain() packetList {
	all := *l
	l.clear()
	return all
}

// sleepBuffer holds the packets of a source that nobody sees, so that its video is there at once when somebody does.
// Its first packet is a keyframe, or follows the last packet that was decoded.
type sleepBuffer struct{ packetList }

// makeRoom prepares the buffer for p. A keyframe needs nothing before it. When the buffer is full, it is emptied; then
// the result is false, and only a keyframe can begin it again.
func (b *sleepBuffer) makeRoom(p mixer.Packet) bool {
	if p.Key {
		b.clear()
	}
	if b.bytes+len(p.Data) <= asleepBytes && len(b.packets) < asleepPackets {
		return true
	}
	b.clear()
	return false
}

// repeatBuffer holds H.264 packets whose frames look exactly like the frame that is shown. They follow the last packet
// that was decoded, none is a keyframe, and none follows a loss.
type repeatBuffer struct{ packetList }

// full reports whether the buffer holds more than it may, for frames of that size.
func (b *repeatBuffer) full(size mixer.Size) bool {
	n := len(b.packets)
	return n > repeatPackets || n > 1 && n*size.W*size.H > repeatPixels || b.bytes > repeatBytes
}

// removeOldest returns the first packet and removes it from the buffer, which must not be empty.
func (b *repeatBuffer) removeOldest() mixer.Packet {
	oldest := b.packets[0]
	b.packets = b.packets[1:]
	b.bytes -= len(oldest.Data)
	return oldest
}

// keepAsleep keeps a packet while nobody sees the video.
func (v *videoInput) keepAsleep(p mixer.Packet) {
	if time.Since(v.asleepAt) > lostAfter {
		v.cfg.slot.clear() // the frame is too old to look live when somebody comes
	}
	if p.Key {
		v.decoder.learnFormat(p)
	}
	if v.decoder.format.Load() != nil { // packets that are no video do not make the source live
		v.cfg.slot.touch()
	}
	if !v.asleep.makeRoom(p) {
		v.gate.closed = true
	}
	if v.gate.closed && !p.Key && len(v.asleep.packets) == 0 {
		return
	}
	v.measureMotion(p)
	v.asleep.add(p)
}

// wake decodes the packets that were kept and shows the last good frame of them. If there is none, the frame in the
// slot is removed: it must not look live.
func (v *videoInput) wake() {
	if !v.replay(v.asleep.drain().packets, true) && v.gate.closed {
		v.cfg.slot.clear()
	}
	if v.gate.closed {
		v.requestKeyframe()
	}
}

// replay decodes packets that were kept. If show is set, the last frame before the first loss is shown. The result
// tells whether a frame was shown.
func (v *videoInput) replay(packets []mixer.Packet, show bool) (shown bool) {
	last := len(packets) - 1
	if i := slices.IndexFunc(packets, func(p mixer.Packet) bool { return p.Lost && !p.Key }); i >= 0 {
		last = i - 1
	}
	for i, p := range packets {
		if !v.gate.admit(p, v.decoder.id) {
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

// repeats reports whether the frame of p looks exactly like the one that is shown. Every packet of the layer in use
// passes here, in order, whether it is decoded or not.
func (v *videoInput) repeats(p mixer.Packet) bool {
	if p.Lost || p.Codec != mixer.H264 {
		v.detector = repeat.Detector{}
	}
	return p.Codec == mixer.H264 && v.detector.Repeats(p.Data) && v.decoder.immediate && !v.gate.closed && !p.Key && p.Codec == v.decoder.id
}

// postpone keeps a frame that repeats until one comes that does not. Only the decoder does not see it. When there are
// too many, the oldest is decoded, so that the cost of a long GOP is spread over time.
func (v *videoInput) postpone(p mixer.Packet) error {
	v.measureMotion(p)
	v.chooseLoopFilter(p)
	v.cfg.slot.touch()
	v.postponed.add(p)
	for v.postponed.full(v.decoder.size()) {
		if err := v.decode(v.postponed.removeOldest(), false); err != nil {
			v.postponed.clear()
			return err
		}
	}
	return nil
}

// decodePostponed prepares the decoder for p. No frame from an IDR on needs the postponed ones. Any other frame may
// need them, and so may frames after a key packet that is not IDR: I slices with parameter sets.
func (v *videoInput) decodePostponed(p mixer.Packet) {
	postponed := v.postponed.drain().packets
	if p.Codec != mixer.H264 || !p.Key || !h264.IsIDR(p.Data) {
		v.replay(postponed, false)
		return
	}
	v.repeated.Add(uint64(len(postponed)))
}
