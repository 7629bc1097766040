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

	"azulejo/mixer/engine/layout"
)

// leadIn is what is encoded in front of the pictures that are compared, on both sides: it begins with the key
// picture, and the rate control finds its way in it.
const leadIn = 4 * time.Second

// compared is how many pictures are compared: those of a measurement's length. As long as that and the lead-in stay
// below [keyDistance], none is a key picture.
func (b *bench) compared() int { return int(b.Seconds*float64(b.FPS) + 0.5) }

// lead is leadIn in pictures.
func (b *bench) lead() int { return int(leadIn.Seconds()) * b.FPS }

// quality is how similar encoded pictures are to what they should be, and what they took.
type quality struct{ ssim, bits float64 }

// caseSSIM compares pictures of our wall, as a viewer received them, and of the peer's with the footage, decoded
// fully and scaled with the bicubic filter. The peer begins at the same pictures and aims at our bitrate.
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
	mine, begin, err := b.judge(ctx, coded, films, tiles)
	if err != nil {
		return nil, err
	}
	mine.bits = ours
	peer, err := b.peerQuality(ctx, mine, begin, films, tiles)
	if err != nil {
		return nil, err
	}
	return []figure{{peer.ssim - mine.ssim, map[string]float64{
		"ssim": mine.ssim, "peerSsim": peer.ssim, "bits": mine.bits, "peerBits": peer.bits,
	}}}, nil
}

// codedWall is a raw H.264 file: how many pictures it has, and how many of them are the lead-in.
type codedWall struct {
	name           string
	pictures, lead int
}

// watchWall records what a viewer of our wall without names receives, and tells its bits a second behind
// the lead-in.
func (b *bench) watchWall(ctx context.Context) (bits float64, w codedWall, err error) {
	sc := b.busy()
	sc.set = []string{"mix.labels=false"}
	s, err := b.open(ctx, sc)
	if err != nil {
		return 0, w, err
	}
	defer s.close()
	s.settle(ctx)
	s.seen.begin()
	s.viewer.RequestKeyframe()
	pictures := b.lead() + b.compared()
	rest(ctx, time.Duration(pictures)*time.Second/time.Duration(b.FPS)+time.Second) // the key picture takes a moment to come
	packets, err := s.seen.end()
	if err != nil {
		return 0, w, err
	}
	if err := s.sound(ctx); err != nil {
		return 0, w, err
	}
	if len(packets) < pictures*9/10 {
		return 0, w, fmt.Errorf("bench: the viewer got %d pictures instead of %d: this machine is too slow", len(packets), pictures)
	}
	packets = packets[:min(len(packets), pictures)]
	w = codedWall{filepath.Join(b.dir, "wall.h264"), len(packets), b.lead()}
	return rate(packets[b.lead():], b.FPS), w, os.WriteFile(w.name, stream(packets), 0o600)
}

// judge decodes w and compares every tile behind the lead-in with the picture of the footage that it is most
// similar to. begin are the numbers of those pictures in the first one that counts.
func (b *bench) judge(ctx context.Context, w codedWall, films []luma, tiles []layout.Rect) (q quality, begin []int, err error) {
	pictures, err := b.raw(ctx, b.Width, b.Height, w.pictures, "-i", w.name)
	if err != nil {
		return q, nil, err
	}
	q.ssim, begin, err = compareTiles(pictures[w.lead:], films, tiles)
	return q, begin, err
}

// compareTiles is the mean similarity of all tiles in all pictures; begin are the matches in the first.
func compareTiles(pictures, films []luma, tiles []layout.Rect) (mean float64, begin []int, err error) {
	begin = make([]int, len(tiles))
	sums, errs := make([]float64, len(tiles)), make([]error, len(tiles))
	var work sync.WaitGroup
	turn := make(chan struct{}, runtime.NumCPU())
	for i, r := range tiles {
		work.Go(func() {
			turn <- struct{}{}
			begin[i], sums[i], errs[i] = compareTile(pictures, films, r)
			<-turn
		})
	}
	work.Wait()
	for i, err := range errs {
		if err != nil {
			return 0, nil, err
		}
		mean += sums[i] / float64(len(tiles)*len(pictures))
	}
	return mean, begin, nil
}

// compareTile follows one tile through the pictures.
func compareTile(pictures, films []luma, r layout.Rect) (begin int, sum float64, err error) {
	t := newTracker(films)
	for i, p := range pictures {
		at, s, err := t.match(p.part(r.X, r.Y, r.W, r.H))
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			begin = at
		}
		sum += s
	}
	return begin, sum, nil
}

// peerQuality encodes the same pictures by the peer until it takes our bits within one per cent, at most five
// times, and judges the nearest.
func (b *bench) peerQuality(ctx context.Context, ours quality, begin []int, films []luma, tiles []layout.Rect) (quality, error) {
	inputs, err := b.peerFrom(ctx, begin)
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

// peerEncode writes the peer's wall to w and tells its bits a second behind the lead-in.
func (b *bench) peerEncode(ctx context.Context, w codedWall, inputs []peerInput, bits int) (float64, error) {
	file, err := os.Create(w.name)
	if err != nil {
		return 0, err
	}
	_, err = b.ffmpegTo(ctx, file, b.peerWall(inputs, w.pictures, bits)...)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return 0, err
	}
	c, err := readClip(w.name)
	if err != nil {
		return 0, err
	}
	if len(c.packets) != w.pictures {
		return 0, fmt.Errorf("bench: %s encoded %d pictures of %d", b.FFmpeg, len(c.packets), w.pictures)
	}
	return rate(c.packets[w.lead:], b.FPS), nil
}

// peerFrom are inputs that show, behind the lead-in, the pictures begin.
func (b *bench) peerFrom(ctx context.Context, begin []int) (inputs []peerInput, err error) {
	back := int(leadIn.Seconds()*b.main.rate() + 0.5)
	n := len(b.main.packets)
	for _, at := range begin {
		first := ((at-back)%n + n) % n
		key := b.main.keyBefore(first)
		file, err := b.turn(ctx, b.main, key)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, peerInput{file: file, skip: first - key})
	}
	return inputs, nil
}
