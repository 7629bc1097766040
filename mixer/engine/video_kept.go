package engine

import (
	"slices"
	"time"

	"azulejo/codec/h264"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

// Limits of a sleepBuffer: about ten seconds of video, which is enough for a camera with a keyframe every ten seconds.
const (
	asleepPackets = 300
	asleepBytes   = 6 << 20
)

// Limits of a repeatBuffer. A frame that is no repeat is shown only after the postponed packets are decoded. At 720p each
// of them takes 0.7 ms, so the wait is 0.1 s at most. Larger frames take longer, and the wait is a quarter of a second at
// most.
const (
	repeatPackets = 128
	repeatPixels  = 256 * 1280 * 720 // pixels of all frames together
	repeatBytes   = 1 << 20
)

// packetList holds packets that are not decoded yet, in their order. The zero value is empty.
type packetList struct {
	packets []mixer.Packet
	bytes   int // size of all packets together
}

func (l *packetList) add(p mixer.Packet) {
	l.packets = append(l.packets, p)
	l.bytes += len(p.Data)
}

func (l *packetList) clear() { *l = packetList{} }

// drain returns the list, and leaves it empty.
func (l *packetList) drain() packetList {
	all := *l
	l.clear()
	return all
}

// sleepBuffer holds the packets of a video that nobody sees, so that the video can be shown at once when it is needed. Its
// first packet is a keyframe, or follows the last packet that was decoded.
type sleepBuffer struct{ packetList }

// prepare prepares the buffer for p. If p is a keyframe, the packets before it are dropped, because decoding can start at
// p. If the buffer is full, all its packets are dropped and the result is false. Then the next packet to be added must be a
// keyframe.
func (b *sleepBuffer) prepare(p mixer.Packet) bool {
	if p.Key {
		b.clear()
	}
	if b.bytes+len(p.Data) <= asleepBytes && len(b.packets) < asleepPackets {
		return true
	}
	b.clear()
	return false
}

// repeatBuffer holds postponed packets: H.264 packets of frames that look exactly like the frame that is shown. They follow
// the last packet that was decoded. None of them is a keyframe, and none follows a loss.
type repeatBuffer struct{ packetList }

// full reports whether the buffer is over its limits, for frames of the given size.
func (b *repeatBuffer) full(size mixer.Size) bool {
	n := len(b.packets)
	return n > repeatPackets || n > 1 && n*size.W*size.H > repeatPixels || b.bytes > repeatBytes
}

// removeOldest removes the oldest packet and returns it. The buffer must not be empty.
func (b *repeatBuffer) removeOldest() mixer.Packet {
	oldest := b.packets[0]
	b.packets = b.packets[1:]
	b.bytes -= len(oldest.Data)
	return oldest
}

// keepAsleep keeps p while nobody sees the video.
func (v *videoInput) keepAsleep(p mixer.Packet) {
	if time.Since(v.asleepAt) > lostAfter {
		v.cfg.slot.clear() // the frame is old: it must not look live when the video is needed again
	}
	if p.Key {
		v.decoder.learnFormat(p)
		p.Lost = true // the decoder will not get the packets before p
	}
	if v.decoder.format.Load() != nil { // a source that has not sent a readable keyframe is not live
		v.cfg.slot.touch()
	}
	if !v.asleep.prepare(p) {
		v.gate.closed = true
	}
	if v.gate.closed && !p.Key && len(v.asleep.packets) == 0 {
		return
	}
	v.measureMotion(p)
	v.asleep.add(p)
}

// wake decodes the packets that were kept, and shows the last good frame of them. If there is no good frame and the gate is
// closed, it clears the slot, so that an old frame does not look live.
func (v *videoInput) wake() {
	if !v.replay(v.asleep.drain().packets, true) && v.gate.closed {
		v.cfg.slot.clear()
	}
	if v.gate.closed {
		v.requestKeyframe()
	}
}

// replay decodes packets that were kept. If show is set, it shows the last frame before the first loss. The result tells
// whether a frame was shown.
func (v *videoInput) replay(packets []mixer.Packet, show bool) (shown bool) {
	last := len(packets) - 1
	if i := slices.IndexFunc(packets, func(p mixer.Packet) bool { return p.Lost && !p.Key }); i >= 0 {
		last = i - 1
	}
	for i, p := range packets {
		if !v.gate.admit(&p, v.decoder.id) {
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

// repeats reports whether the frame of p looks exactly like the frame that is shown. It must be called for every packet of
// the layer in use, in their order, even for packets that are not decoded.
func (v *videoInput) repeats(p mixer.Packet) bool {
	if p.Lost || p.Codec != mixer.H264 {
		v.detector = repeat.Detector{}
	}
	return p.Codec == mixer.H264 && v.detector.Repeats(p.Data) && v.decoder.immediate && !v.gate.closed && !p.Key && p.Codec == v.decoder.id
}

// postpone keeps p, the packet of a repeat, until a frame comes that is no repeat. Everything except the decoder treats p
// as if it was decoded. If the buffer is over its limits, the oldest packets are decoded, so that the cost of a long GOP is
// spread over time.
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

// decodePostponed decodes the postponed packets if p or a later frame may refer to them, and drops them otherwise. It is
// called before p is decoded. From an IDR frame on, no frame refers to earlier ones. Key packets that are not IDR (I slices
// with parameter sets) do not guarantee that.
func (v *videoInput) decodePostponed(p mixer.Packet) {
	postponed := v.postponed.drain().packets
	if p.Codec != mixer.H264 || !p.Key || !h264.IsIDR(p.Data) {
		v.replay(postponed, false)
		return
	}
	v.repeated.Add(uint64(len(postponed)))
}
