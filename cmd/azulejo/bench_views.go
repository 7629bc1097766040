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
)

// spotlights are the names of n views.
func spotlights(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("v%d", i+1)
	}
	return names
}

// encoderCost is what encoding one view again costs per second of media, in real time and as fast as the peer can,
// and what it writes.
type encoderCost struct{ cpu, unpaced, bits float64 }

// measureViews adds a viewer of every further view, and keeps what each receives.
func (s *show) measureViews(ctx context.Context) (all sample, packets [][]mixer.Packet, err error) {
	seen := make([]recording, len(s.scene.views))
	packets = make([][]mixer.Packet, len(seen))
	for i, name := range s.scene.views {
		seen[i].begin() // no other key picture comes than the one for who joins
		if _, err = s.view(ctx, viewing{View: name}, seen[i].put); err != nil {
			return all, nil, err
		}
	}
	if all, err = s.measureMoving(ctx); err != nil {
		return all, nil, err
	}
	for i := range seen {
		if packets[i], err = seen[i].end(); err != nil {
			return all, nil, err
		}
	}
	return all, packets, nil
}

// encodersAlone measures how the peer encodes again what the viewers received, all side by side, as in our server.
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

// rawInput has ffmpeg read pictures as large as ours from a raw file.
func (b *bench) rawInput(raw string, pace []string) []string {
	return slices.Concat(pace, []string{"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", b.Width, b.Height), "-framerate", fmt.Sprint(b.FPS), "-i", raw})
}

// encodeRaw is what encoding a raw file costs and writes per second of media. Reading the file is measured too, and
// taken off.
func (b *bench) encodeRaw(ctx context.Context, raw string, wanted, seconds float64, pace []string) (cpu, bits float64, err error) {
	in := b.rawInput(raw, pace)
	encoded, err := b.ffmpeg(ctx, slices.Concat(in, b.x264(int(wanted)), []string{"-f", "h264", "-"})...)
	if err != nil {
		return 0, 0, err
	}
	read, err := b.ffmpeg(ctx, append(in, "-f", "null", "-")...)
	return (encoded.cpu - read.cpu).Seconds() / seconds, float64(encoded.size*8) / seconds, err
}

// stream is packets of H.264 as a raw file has them.
func stream(packets []mixer.Packet) []byte {
	var all []byte
	for _, p := range packets {
		all = append(all, p.Data...)
	}
	return all
}

// rate is how many bits a second packets have at that many pictures a second.
func rate(packets []mixer.Packet, fps int) float64 {
	return float64(8*len(stream(packets))) * float64(fps) / float64(len(packets))
}

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
