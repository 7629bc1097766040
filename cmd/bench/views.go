package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"azulejo/mixer"
	"azulejo/signal/client"
)

// spotlights are the names of n views, each a spotlight of another camera.
func spotlights(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("v%d", i+1)
	}
	return names
}

// encoderCost is what encoding one view again takes per second of media: CPU seconds in real time, CPU seconds as fast
// as the peer can, and the bits that it writes.
type encoderCost struct{ cpu, unpaced, bits float64 }

// measureViews adds a viewer of every further view and returns what each of them receives.
func (s *show) measureViews(ctx context.Context) (all sample, packets [][]mixer.Packet, err error) {
	captures := make([]capture, len(s.scene.views))
	packets = make([][]mixer.Packet, len(captures))
	for i, name := range s.scene.views {
		captures[i].start() // before the viewer joins: the encoder makes no keyframe later
		if _, err = s.view(ctx, client.Selection{View: name}, captures[i].add); err != nil {
			return all, nil, err
		}
	}
	if all, err = s.measureMoving(ctx); err != nil {
		return all, nil, err
	}
	for i := range captures {
		if packets[i], err = captures[i].finish(); err != nil {
			return all, nil, err
		}
	}
	return all, packets, nil
}

// encodersAlone measures how the peer encodes again what the viewers received. All views are encoded at the same time,
// as in our server.
func (b *bench) encodersAlone(ctx context.Context, views [][]mixer.Packet) ([]encoderCost, error) {
	costs, errs := make([]encoderCost, len(views)), make([]error, len(views))
	var work sync.WaitGroup
	for i, packets := range views {
		work.Go(func() { costs[i], errs[i] = b.encodeAlone(ctx, fmt.Sprintf("view-%d", i), packets) })
	}
	work.Wait()
	b.report.Peer.Encoder = b.FFmpeg + " " + strings.Join(append(b.rawInput("view.yuv", realTime), b.x264(int(rate(views[0], b.FPS)))...), " ")
	return costs, errors.Join(errs...)
}

// encodeAlone decodes what a viewer received to a raw file and measures how the peer encodes that, at the same
// bitrate.
func (b *bench) encodeAlone(ctx context.Context, name string, packets []mixer.Packet) (cost encoderCost, err error) {
	coded, raw := filepath.Join(b.dir, name+".h264"), filepath.Join(b.dir, name+".yuv")
	defer func() { _ = os.Remove(raw) }() // large, and in a temporary folder
	if err = os.WriteFile(coded, stream(packets), 0o600); err != nil {
		return cost, err
	}
	if _, err = b.ffmpeg(ctx, "-i", coded, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "yuv420p", raw); err != nil {
		return cost, err
	}
	seconds := float64(len(packets)) / float64(b.FPS)
	if cost.cpu, cost.bits, err = b.encodeRaw(ctx, raw, rate(packets, b.FPS), seconds, realTime); err != nil {
		return cost, err
	}
	cost.unpaced, _, err = b.encodeRaw(ctx, raw, rate(packets, b.FPS), seconds, nil)
	return cost, err
}

// rawInput are the options by which ffmpeg reads frames of our size from a raw file.
func (b *bench) rawInput(raw string, pace []string) []string {
	return slices.Concat(pace, []string{"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", b.Width, b.Height), "-framerate", fmt.Sprint(b.FPS), "-i", raw})
}

// encodeRaw is the CPU seconds that encoding a raw file takes and the bits that it writes, per second of media. The CPU
// time of reading the file is measured too and subtracted.
func (b *bench) encodeRaw(ctx context.Context, raw string, wanted, seconds float64, pace []string) (cpu, bits float64, err error) {
	in := b.rawInput(raw, pace)
	encoded, err := b.ffmpeg(ctx, slices.Concat(in, b.x264(int(wanted)), []string{"-f", "h264", "-"})...)
	if err != nil {
		return 0, 0, err
	}
	read, err := b.ffmpeg(ctx, append(in, "-f", "null", "-")...)
	return (encoded.cpu - read.cpu).Seconds() / seconds, float64(encoded.size*8) / seconds, err
}

// stream is the packets as a raw H.264 file.
func stream(packets []mixer.Packet) []byte {
	var all []byte
	for _, p := range packets {
		all = append(all, p.Data...)
	}
	return all
}

// rate is the bitrate of packets in bits a second.
func rate(packets []mixer.Packet, fps int) float64 {
	return float64(8*len(stream(packets))) * float64(fps) / float64(len(packets))
}

// caseViews divides the cost of a further view by the cost of its encoder alone.
func (b *bench) caseViews(ctx context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	if err = cmp.Or(err, w.viewersErr, w.viewsErr); err != nil {
		return nil, err
	}
	costs, err := b.encodersAlone(ctx, w.seen)
	if err != nil {
		return nil, err
	}
	n := float64(len(costs))
	parts := map[string]float64{"view": (w.views.cpu - w.again.cpu) / n}
	for i, c := range costs {
		parts["encoder"] += c.cpu / n
		parts["encoderUnpaced"] += c.unpaced / n
		parts["encoderBits"] += c.bits / n
		parts["bits"] += rate(w.seen[i], b.FPS) / n
	}
	return []figure{{parts["view"] / parts["encoder"], parts}}, nil
}
