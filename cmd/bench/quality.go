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

// leadIn is encoded on both sides before the frames that are compared. It has the keyframe, and the rate control
// settles in it.
const leadIn = 4 * time.Second

// compared is the number of compared frames, of one measurement's length. None of them is a keyframe while this and the
// lead-in are shorter than [keyDistance].
func (b *bench) compared() int { return int(b.Seconds*float64(b.FPS) + 0.5) }

// lead is leadIn in frames.
func (b *bench) lead() int { return int(leadIn.Seconds()) * b.FPS }

// quality is the mean SSIM of encoded frames and their bitrate in bits a second.
type quality struct{ ssim, bits float64 }

// caseSSIM compares our wall, as a viewer receives it, and the peer's wall with the footage, which is decoded fully and
// scaled with the bicubic filter. The peer starts at the same frames and aims at our bitrate.
func (b *bench) caseSSIM(ctx context.Context, _ *round) ([]figure, error) {
	tiles := layout.Grid(b.Inputs, b.Width, b.Height)
	films, err := b.tiles(ctx, b.main, tiles[0].W, tiles[0].H)
	if err != nil {
		return nil, err
	}
	ours, coded, err := b.watchWall(ctx)
	if err != nil {
		return nil, err
	}
	mine, first, err := b.judge(ctx, coded, films, tiles)
	if err != nil {
		return nil, err
	}
	mine.bits = ours
	peer, err := b.peerQuality(ctx, mine, first, films, tiles)
	if err != nil {
		return nil, err
	}
	return []figure{{peer.ssim - mine.ssim, map[string]float64{
		"ssim": mine.ssim, "peerSsim": peer.ssim, "bits": mine.bits, "peerBits": peer.bits,
	}}}, nil
}

// codedWall is a raw H.264 file, its number of frames, and how many of those are the lead-in.
type codedWall struct {
	name         string
	frames, lead int
}

// watchWall captures what a viewer of our wall without labels receives. bits is its bitrate after the lead-in.
func (b *bench) watchWall(ctx context.Context) (bits float64, w codedWall, err error) {
	sc := b.busy()
	sc.set = []string{"mix.labels=false"}
	s, err := b.open(ctx, sc)
	if err != nil {
		return 0, w, err
	}
	defer s.close()
	s.settle(ctx)
	s.capture.start()
	s.viewer.RequestKeyframe()
	frames := b.lead() + b.compared()
	load.Wait(ctx, time.Duration(frames)*time.Second/time.Duration(b.FPS)+time.Second) // the keyframe comes a moment after the request
	packets, err := s.capture.finish()
	if err != nil {
		return 0, w, err
	}
	if err := s.complete(ctx); err != nil {
		return 0, w, err
	}
	if len(packets) < frames*9/10 {
		return 0, w, fmt.Errorf("the viewer got %d frames instead of %d: this machine is too slow", len(packets), frames)
	}
	packets = packets[:min(len(packets), frames)]
	w = codedWall{filepath.Join(b.dir, "wall.h264"), len(packets), b.lead()}
	return rate(packets[b.lead():], b.FPS), w, os.WriteFile(w.name, stream(packets), 0o600)
}

// judge decodes w and compares every tile after the lead-in with the most similar frame of the footage. first are the
// indexes of these frames for the first compared frame, by tile.
func (b *bench) judge(ctx context.Context, w codedWall, films []luma, tiles []layout.Rect) (q quality, first []int, err error) {
	frames, err := b.raw(ctx, b.Width, b.Height, w.frames, "-i", w.name)
	if err != nil {
		return q, nil, err
	}
	q.ssim, first, err = compareTiles(frames[w.lead:], films, tiles)
	return q, first, err
}

// compareTiles is the mean similarity of all tiles in all frames; first are the matches in the first frame.
func compareTiles(frames, films []luma, tiles []layout.Rect) (mean float64, first []int, err error) {
	first = make([]int, len(tiles))
	sums, errs := make([]float64, len(tiles)), make([]error, len(tiles))
	var work sync.WaitGroup
	slots := make(chan struct{}, runtime.NumCPU()) // one for each comparison that runs
	for i, r := range tiles {
		work.Go(func() {
			slots <- struct{}{}
			first[i], sums[i], errs[i] = compareTile(frames, films, r)
			<-slots
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

// compareTile compares one tile in all frames; sum is the sum of the similarities.
func compareTile(frames, films []luma, r layout.Rect) (first int, sum float64, err error) {
	t := newTracker(films)
	for i, p := range frames {
		at, s, err := t.match(p.part(r.X, r.Y, r.W, r.H))
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			first = at
		}
		sum += s
	}
	return first, sum, nil
}

// peerQuality has the peer encode the same frames, at most five times, until its bitrate is within one per cent of ours.
// It returns the quality of the run with the nearest bitrate.
func (b *bench) peerQuality(ctx context.Context, ours quality, first []int, films []luma, tiles []layout.Rect) (quality, error) {
	inputs, err := b.peerFrom(ctx, first)
	if err != nil {
		return quality{}, err
	}
	w := codedWall{filepath.Join(b.dir, "peer.h264"), b.lead() + b.compared(), b.lead()}
	best, target := quality{}, ours.bits
	for range 5 {
		bits, err := b.peerEncode(ctx, w, inputs, int(target))
		if err != nil {
			return quality{}, err
		}
		if math.Abs(bits-ours.bits) >= math.Abs(best.bits-ours.bits) {
			break
		}
		best, _, err = b.judge(ctx, w, films, tiles)
		if best.bits = bits; err != nil || math.Abs(bits-ours.bits) < 0.01*ours.bits {
			return best, err
		}
		target *= ours.bits / bits
	}
	return best, nil
}

// peerEncode writes the peer's wall to w and returns its bitrate after the lead-in.
func (b *bench) peerEncode(ctx context.Context, w codedWall, inputs []peerInput, bits int) (float64, error) {
	file, err := os.Create(w.name)
	if err != nil {
		return 0, err
	}
	_, err = b.ffmpegTo(ctx, file, b.peerWall(inputs, w.frames, bits)...)
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
	return rate(c.Packets[w.lead:], b.FPS), nil
}

// peerFrom are inputs that show the frames first right after the lead-in.
func (b *bench) peerFrom(ctx context.Context, first []int) (inputs []peerInput, err error) {
	back := int(leadIn.Seconds()*b.main.FPS() + 0.5)
	n := len(b.main.Packets)
	for _, at := range first {
		start := ((at-back)%n + n) % n
		key := b.main.keyBefore(start)
		file, err := b.rotate(ctx, b.main, key)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, peerInput{file: file, skip: start - key})
	}
	return inputs, nil
}
