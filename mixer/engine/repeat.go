package engine

import (
	"azulejo/codec/h264"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

// How many pictures that look like the one before are kept instead of decoded. The next one that does not waits until
// they are: at 720p 0.7 ms each, 0.1 s at most, and longer with the pixels up to a quarter of a second.
const (
	repeatPackets = 128
	repeatPixels  = 256 * 1280 * 720
	repeatBytes   = 1 << 20
)

// repeats tells whether p looks exactly like the picture that is shown. Every packet of the layer that is used passes
// here, in order, whether it is decoded or not.
func (v *videoIn) repeats(p mixer.Packet) bool {
	if p.Lost || p.Codec != mixer.H264 {
		v.detector = repeat.Detector{}
	}
	return p.Codec == mixer.H264 && v.detector.Repeats(p.Data) && v.prompt && !v.holding && !p.Key && p.Codec == v.id
}

// postpone keeps a picture that repeats until one comes that does not. Everything but the decoder takes it as any
// other. Of too many the oldest is decoded, so that what a long GOP costs is spread.
func (v *videoIn) postpone(p mixer.Packet) error {
	v.watch(p)
	v.spare(p)
	v.source.slot.Touch()
	v.add(p)
	for v.crowded() {
		oldest := v.kept[0]
		v.kept = v.kept[1:]
		v.weight -= len(oldest.Data)
		if err := v.decode(oldest, false); err != nil {
			v.forget()
			return err
		}
	}
	return nil
}

// crowded tells whether more is kept than may be.
func (v *videoIn) crowded() bool {
	size := v.shape.Load().size
	return len(v.kept) > repeatPackets || len(v.kept) > 1 && len(v.kept)*size.W*size.H > repeatPixels || v.weight > repeatBytes
}

// catchUp prepares the decoder for p, which is to be decoded: nothing from an IDR picture on needs what was kept, any
// other may, and so may those behind a key picture that is none.
func (v *videoIn) catchUp(p mixer.Packet) {
	if p.Codec != mixer.H264 || !p.Key || !h264.IsIDR(p.Data) {
		v.replay(false)
		return
	}
	v.repeated.Add(uint64(len(v.kept)))
	v.forget()
}
