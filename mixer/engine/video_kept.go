package engine

import (
	"bytes"
	"slices"
	"time"

	"azulejo/codec"
	"azulejo/codec/h264"
	"azulejo/codec/keyframe"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

// Limits of a sleepBuffer: about ten seconds of video, which is enough for a camera with a keyframe every ten seconds.
const (
	asleepPackets = 300
	asleepBytes   = 6 << 20
)

// Limits of a repeatBuffer. When a frame comes that is not a repeat, the postponed packets are decoded first, and the frame is
// shown late. At 720p each postponed packet takes 0.7 ms, so the frame is late by 0.1 s at most. With larger frames it is late
// by a quarter of a second at most.
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

// drain returns the packets, and leaves the list empty.
func (l *packetList) drain() packetList {
	all := *l
	l.clear()
	return all
}

// sleepBuffer holds the packets of a video that is asleep, so that the video can be shown at once when a view needs it. The
// first packet is a keyframe, or follows the last packet that was decoded.
type sleepBuffer struct{ packetList }

// prepare makes room for p. If p is a keyframe, all packets in the buffer are dropped, because decoding can start at p. If the
// buffer has no room for p, all its packets are dropped and the result is false. Then the next packet that is added must be a
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

// repeatBuffer holds postponed packets: H.264 packets of frames that look exactly like the frame that is shown. The packets
// follow the last packet that was decoded. No packet is a keyframe, and no packet follows a loss.
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

// keepAsleep keeps p while the video is asleep. same says whether its frame is the same as the frame before.
func (v *videoInput) keepAsleep(p mixer.Packet, same bool) {
	if time.Since(v.sleepChanged) > leastPatience {
		v.cfg.slot.clear() // an old frame must not look live when a view needs the video again
	}
	if p.Key {
		p.Lost = true // the decoder will not get the packets before p
	}
	v.noteAsleep(p, same)
	if !v.asleep.prepare(p) {
		v.gate.closed = true
	}
	if v.gate.closed && !p.Key && len(v.asleep.packets) == 0 {
		return
	}
	v.measureMotion(p)
	v.asleep.add(p)
}

// noteAsleep records that p came while the video is asleep. Without a keyframe of a usable size, the source does not count as
// sending video.
func (v *videoInput) noteAsleep(p mixer.Packet, same bool) {
	if err := v.checkSize(p); err != nil {
		v.decoder.format.Store(nil)
		v.meetUndecodable(p, err)
		return
	}
	if p.Key {
		v.decoder.learnFormat(p)
	}
	switch {
	case v.decoder.format.Load() != nil:
		if same {
			v.cfg.slot.touch()
		} else {
			v.cfg.slot.touchUnknown()
		}
		v.obstacle.pass()
	case !p.Key:
		v.obstacle.meet(noKeyframe(), false)
	}
}

// checkSize returns a [mixer.TooLargeError] if p is the packet of a keyframe with more pixels than the limit.
func (v *videoInput) checkSize(p mixer.Packet) error {
	if !p.Key || v.cfg.maxPixels == 0 {
		return nil
	}
	head, known := keyframe.Read(p)
	if !known || head.Width*head.Height <= v.cfg.maxPixels {
		return nil
	}
	return &mixer.TooLargeError{Width: head.Width, Height: head.Height, MaxPixels: v.cfg.maxPixels}
}

// wake decodes the packets that were kept while the video was asleep, and shows their last good frame. If they have no good
// frame and the gate is closed, wake clears the slot, so that an old frame does not look live.
func (v *videoInput) wake() {
	if !v.replay(v.asleep.drain().packets, true) && v.gate.closed {
		v.cfg.slot.clear()
	}
	if v.gate.closed {
		v.requestKeyframe()
	}
}

// replay decodes packets that were kept. If show is set, it shows only the last frame before the first loss. The result says
// whether a frame was shown.
func (v *videoInput) replay(packets []mixer.Packet, show bool) (shown bool) {
	last := len(packets) - 1
	if i := slices.IndexFunc(packets, func(p mixer.Packet) bool { return p.Lost && !p.Key }); i >= 0 {
		last = i - 1
	}
	for i, p := range packets {
		if !v.gate.admit(&p, v.decoder.codec) {
			continue
		}
		var put func(codec.Decoded)
		if show && i == last {
			put = v.cfg.slot.restore
		}
		if err := v.decode(p, put); err != nil {
			v.fail(p, err)
		} else if put != nil {
			shown = true
		}
	}
	return shown
}

// same reports whether the frame of p is known to be the same as the frame before, without decoding it: it is a repeat, or the
// data of both packets are equal. It must be called for every packet of the layer in use, in their order, even for packets that are
// not decoded.
func (v *videoInput) same(p mixer.Packet) bool {
	if p.Lost || p.Codec != mixer.H264 {
		v.detector = repeat.Detector{}
	}
	v.copies = p.Codec == mixer.H264 && v.detector.Repeats(p.Data)
	v.equal = bytes.Equal(p.Data, v.previous)
	v.previous = p.Data
	return v.copies || v.equal
}

// postponable reports whether the frame of p, for which same was called last, looks exactly like the frame that is shown, and p
// need not be decoded now.
func (v *videoInput) postponable(p mixer.Packet) bool {
	return v.copies && v.decoder.immediate && !v.gate.closed && !p.Key && p.Codec == v.decoder.codec
}

// postpone keeps p, the packet of a repeat, until a frame comes that is not a repeat. Except for the decoder, everything works
// as if p was decoded. While the buffer is over its limits, the oldest packet is decoded. So the cost of a long GOP is spread
// over time.
func (v *videoInput) postpone(p mixer.Packet) error {
	v.measureMotion(p)
	v.chooseLoopFilter(p)
	v.cfg.slot.touch()
	v.obstacle.pass()
	v.postponed.add(p)
	for v.postponed.full(v.decoder.size()) {
		if err := v.decode(v.postponed.removeOldest(), nil); err != nil {
			v.postponed.clear()
			return err
		}
	}
	return nil
}

// decodePostponed is called before p is decoded. It drops the postponed packets if p is an IDR frame, because no later frame
// refers to frames before an IDR frame. Otherwise it decodes the postponed packets. Other packets with Key set (I slices with
// parameter sets) are not enough: later frames may refer to frames before them.
func (v *videoInput) decodePostponed(p mixer.Packet) {
	postponed := v.postponed.drain().packets
	if p.Codec != mixer.H264 || !p.Key || !h264.IsIDR(p.Data) {
		v.replay(postponed, false)
		return
	}
	v.repeated.Add(uint64(len(postponed)))
}
