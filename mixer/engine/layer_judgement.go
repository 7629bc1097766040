package engine

import (
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// How a layer is judged whose packets do not decode.
const (
	fruitlessFor   = 1500 * time.Millisecond // packets without any frame for this time condemn a layer
	condemnedFor   = layerRetry              // until the layer is tried again; doubled each time
	condemnedMost  = 10 * time.Minute
	acquittedAfter = time.Minute // frames for this time clear the layer's record
)

// judgement tells whether the packets of a layer give frames. The goroutine that decodes owns it.
type judgement struct {
	fruitless   time.Time // when the first packet without a frame came, since the last frame; zero: none
	good        time.Time // when the first frame came, since the layer was last condemned; zero: none
	excused     bool      // packets were dropped here, so frames are missing through no fault of the layer
	convictions int       // how often the layer was condemned
	until       time.Time // until when the layer is condemned
}

// condemned reports whether the layer must not be used.
func (j *judgement) condemned(now time.Time) bool { return now.Before(j.until) }

// pass records that a packet gave a frame, or would have if it were decoded.
func (j *judgement) pass(now time.Time) {
	j.fruitless, j.excused, j.until = time.Time{}, false, time.Time{}
	if j.good.IsZero() {
		j.good = now
	}
	if now.Sub(j.good) >= acquittedAfter {
		j.convictions = 0
	}
}

// excuse records that packets of the layer were dropped here. Until the next frame nothing counts against the layer.
func (j *judgement) excuse() { j.fruitless, j.excused = time.Time{}, true }

// miss records that a packet gave no frame. If packets have given none for fruitlessFor, the layer is condemned.
func (j *judgement) miss(now time.Time) {
	switch {
	case j.excused:
	case j.fruitless.IsZero():
		j.fruitless = now
	case now.Sub(j.fruitless) >= fruitlessFor:
		j.condemn(now)
	}
}

// condemn makes the layer unusable for a time that grows with each conviction.
func (j *judgement) condemn(now time.Time) {
	*j = judgement{
		convictions: j.convictions + 1,
		until:       now.Add(min(condemnedFor<<min(j.convictions, 10), condemnedMost)),
	}
}

// judge records whether p, which was processed, gave frames. frames is the number of frames before p was processed. If a
// source has one layer, there is no choice, and nothing is judged.
func (v *videoInput) judge(p layerPacket, frames uint64) {
	if len(v.layers.layers) == 1 || int32(p.layer) != v.layers.current.Load() {
		return
	}
	now, j := time.Now(), &v.layers.layers[p.layer].judgement
	if v.decoder.frames > frames || v.sleeping.Load() || len(v.postponed.packets) > 0 {
		j.pass(now)
	} else {
		j.miss(now)
	}
}

// proves reports whether p may make its layer the one in use. A layer that was condemned must first prove that its
// keyframe decodes, because the layer in use would not come back before its own next keyframe.
func (v *videoInput) proves(p layerPacket) bool {
	j := &v.layers.layers[p.layer].judgement
	if !p.Key || j.convictions == 0 || int32(p.layer) == v.layers.current.Load() || int32(p.layer) != v.layers.wanted.Load() {
		return true
	}
	if decodes(p.Packet, v.cfg.maxPixels) {
		return true
	}
	j.condemn(time.Now())
	v.followDemand()
	return false
}

// decodes reports whether a key packet decodes with a decoder of its own.
func decodes(p mixer.Packet, maxPixels int) bool {
	d, err := codec.NewVideoDecoder(p.Codec, maxPixels)
	if err != nil {
		return false
	}
	defer d.Close()
	frames, err := d.Decode(p)
	rest, flushed := d.Flush()
	for _, f := range append(frames, rest...) {
		f.Close()
	}
	return err == nil && flushed == nil && len(frames)+len(rest) > 0
}
