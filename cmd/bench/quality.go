package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"azulejo/cmd/internal/load"
	"azulejo/mixer/engine/layout"
)

// leadIn is the length of the video before the compared frames. Both the server and ffmpeg, the peer, encode this video too. It
// contains the keyframe, and the encoder's rate control settles within it.
const leadIn = 4 * time.Second

// comparedFrames returns the number of compared frames, which last b.Seconds. None of them is a keyframe if b.Seconds and
// leadIn together are shorter than [keyDistance].
func (b *bench) comparedFrames() int { return int(b.Seconds*float64(b.FPS) + 0.5) }

// leadFrames returns the number of frames in leadIn.
func (b *bench) leadFrames() int { return int(leadIn.Seconds()) * b.FPS }

// quality has the mean SSIM of encoded frames and their bitrate in bits a second.
type quality struct{ ssim, bits float64 }

// caseSSIM compares two walls with the footage: the server's wall, as a viewer receives it, and ffmpeg's wall. For the
// comparison, all frames of the footage are decoded and scaled with the bicubic filter. ffmpeg's wall starts at the same
// frames of the footage as the server's wall, and ffmpeg aims at the server's bitrate.
func (b *bench) caseSSIM(ctx context.Context, _ *round) ([]figure, error) {
	tiles := layout.Grid(b.Inputs, b.Width, b.Height)
	reference, err := b.scaledFrames(ctx, b.main, tiles[0].W, tiles[0].H)
	if err != nil {
		return nil, err
	}
	bitrate, coded, err := b.watchWall(ctx)
	if err != nil {
		return nil, err
	}
	ours, first, err := b.measureQuality(ctx, coded, reference, tiles)
	if err != nil {
		return nil, err
	}
	ours.bits = bitrate
	peer, err := b.peerQuality(ctx, ours, first, reference, tiles)
	if err != nil {
		return nil, err
	}
	return []figure{{peer.ssim - ours.ssim, map[string]float64{
		"ssim": ours.ssim, "peerSsim": peer.ssim, "bits": ours.bits, "peerBits": peer.bits,
	}}}, nil
}

// codedWall is a wall in a raw H.264 file.
type codedWall struct {
	name   string // of the file
	frames int    // number of all frames
	lead   int    // number of frames in leadIn
}

// watchWall captures the video that a viewer of the server's wall receives. The wall has no labels, since the footage has none.
// bitrate is that of the frames after leadIn, in bits a second.
func (b *bench) watchWall(ctx context.Context) (bitrate float64, w codedWall, err error) {
	sc := b.movingWall()
	sc.settings = []string{"mix.labels=false"}
	s, err := b.open(ctx, sc)
	if err != nil {
		return 0, w, err
	}
	defer s.close()
	s.settle(ctx)
	s.capture.start()
	s.viewer.RequestKeyframe()
	frames := b.leadFrames() + b.comparedFrames()
	load.Wait(ctx, time.Duration(frames)*time.Second/time.Duration(b.FPS)+time.Second) // the keyframe comes a moment after the request
	packets, err := s.capture.finish()
	if err != nil {
		return 0, w, err
	}
	if err := s.checkWork(ctx); err != nil {
		return 0, w, err
	}
	if len(packets) < frames*9/10 {
		return 0, w, fmt.Errorf("the viewer got %d frames instead of %d: this machine is too slow", len(packets), frames)
	}
	packets = packets[:min(len(packets), frames)]
	w = codedWall{filepath.Join(b.dir, "wall.h264"), len(packets), b.leadFrames()}
	return bitrateOf(packets[b.leadFrames():], b.FPS), w, os.WriteFile(w.name, joinPackets(packets), 0o600)
}

// measureQuality decodes w and compares every tile after leadIn with its most similar frame in reference. reference has all
// frames of the footage, scaled to the size of a tile. first[i] is an index in reference: tile i shows this frame in the first
// compared frame of w. q has no bitrate.
func (b *bench) measureQuality(ctx context.Context, w codedWall, reference []luma, tiles []layout.Rect) (q quality, first []int, err error) {
	frames, err := b.lumaFrames(ctx, b.Width, b.Height, w.frames, "-i", w.name)
	if err != nil {
		return q, nil, err
	}
	q.ssim, first, err = compareTiles(frames[w.lead:], reference, tiles)
	return q, first, err
}

// compareTiles returns the mean similarity (SSIM) of all tiles in all frames. first[i] is an index in reference: tile i shows
// this frame in frames[0].
func compareTiles(frames, reference []luma, tiles []layout.Rect) (mean float64, first []int, err error) {
	first = make([]int, len(tiles))
	sums, errs := make([]float64, len(tiles)), make([]error, len(tiles))
	var work sync.WaitGroup
	running := make(chan struct{}, runtime.NumCPU()) // limits the comparisons that run at the same time
	for i, r := range tiles {
		work.Go(func() {
			running <- struct{}{}
			first[i], sums[i], errs[i] = compareTile(frames, reference, r)
			<-running
		})
	}
	work.Wait()
	for i, err := range errs {
		if err != nil {
			return 0, nil, err
		}
		mean += sums[i] / float64(len(tiles)*len(frames))
	}
	return mean, first, nil
}

// compareTile compares the rectangle r of all frames with reference. sum is the sum of the similarities (SSIM). first is the
// index in reference of the match for frames[0].
func compareTile(frames, reference []luma, r layout.Rect) (first int, sum float64, err error) {
	t := newTracker(reference)
	for i, frame := range frames {
		index, s, err := t.match(frame.crop(r.X, r.Y, r.W, r.H))
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			first = index
		}
		sum += s
	}
	return first, sum, nil
}

// peerQuality encodes the same frames with ffmpeg, up to five times. It stops when the bitrate differs from ours.bits by less
// than 1 %, or when a run is not nearer to ours.bits than the run before. It returns the quality of the run with the nearest
// bitrate.
func (b *bench) peerQuality(ctx context.Context, ours quality, first []int, reference []luma, tiles []layout.Rect) (quality, error) {
	inputs, err := b.peerInputsAt(ctx, first)
	if err != nil {
		return quality{}, err
	}
	w := codedWall{filepath.Join(b.dir, "peer.h264"), b.leadFrames() + b.comparedFrames(), b.leadFrames()}
	best, target := quality{}, ours.bits
	for range 5 {
		bits, err := b.peerEncode(ctx, w, inputs, int(target))
		if err != nil {
			return quality{}, err
		}
		if math.Abs(bits-ours.bits) >= math.Abs(best.bits-ours.bits) {
			break
		}
		best, _, err = b.measureQuality(ctx, w, reference, tiles)
		if best.bits = bits; err != nil || math.Abs(bits-ours.bits) < 0.01*ours.bits {
			return best, err
		}
		target *= ours.bits / bits
	}
	return best, nil
}

// peerEncode writes ffmpeg's wall to the file w.name. target is the encoder's target bitrate. peerEncode returns the bitrate of
// the frames after leadIn. Both are in bits a second.
func (b *bench) peerEncode(ctx context.Context, w codedWall, inputs []peerInput, target int) (float64, error) {
	file, err := os.Create(w.name)
	if err != nil {
		return 0, err
	}
	_, err = b.ffmpegTo(ctx, file, b.peerWall(inputs, w.frames, target)...)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return 0, err
	}
	c, err := load.ReadClip(w.name)
	if err != nil {
		return 0, err
	}
	if len(c.Packets) != w.frames {
		return 0, fmt.Errorf("%s encoded %d frames of %d", b.FFmpeg, len(c.Packets), w.frames)
	}
	return bitrateOf(c.Packets[w.lead:], b.FPS), nil
}

// peerInputsAt returns one input for each tile. In the first frame after leadIn, input i shows the frame first[i] of the
// footage.
func (b *bench) peerInputsAt(ctx context.Context, first []int) (inputs []peerInput, err error) {
	lead := int(leadIn.Seconds()*b.main.FPS() + 0.5)
	n := len(b.main.Packets)
	for _, index := range first {
		start := ((index-lead)%n + n) % n
		key := b.main.keyBefore(start)
		file, err := b.rotate(ctx, b.main, key)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, peerInput{file: file, skip: start - key})
	}
	return inputs, nil
}
