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

// spotlightNames returns names for scene.views, with n further views.
func spotlightNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("v%d", i+1)
	}
	return names
}

// encoderCost is the cost of encoding one view again with ffmpeg, the peer, per second of media.
type encoderCost struct {
	cpu     float64 // CPU seconds if ffmpeg encodes in real time
	unpaced float64 // CPU seconds if ffmpeg encodes as fast as it can
	bits    float64 // bits that ffmpeg writes in real time
}

// measureViews adds a viewer of every view in s.scene.views and measures the server. packets[i] are the video packets that the
// viewer of view i receives.
func (s *runningScene) measureViews(ctx context.Context) (all sample, packets [][]mixer.Packet, err error) {
	captures := make([]capture, len(s.scene.views))
	packets = make([][]mixer.Packet, len(captures))
	for i, name := range s.scene.views {
		captures[i].start() // before the viewer joins, to get the first keyframe: the next one comes too late
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

// encodersAlone measures the cost of encoding the views again with ffmpeg. views[i] are the packets that the viewer of view i
// received. ffmpeg encodes all views at the same time, as the server does.
func (b *bench) encodersAlone(ctx context.Context, views [][]mixer.Packet) ([]encoderCost, error) {
	costs, errs := make([]encoderCost, len(views)), make([]error, len(views))
	var work sync.WaitGroup
	for i, packets := range views {
		work.Go(func() { costs[i], errs[i] = b.encodeAlone(ctx, fmt.Sprintf("view-%d", i), packets) })
	}
	work.Wait()
	b.report.Peer.Encoder = b.FFmpeg + " " + strings.Join(append(b.rawInput("view.yuv", realTime), b.x264(int(bitrateOf(views[0], b.FPS)))...), " ")
	return costs, errors.Join(errs...)
}

// encodeAlone decodes the packets of one view to a raw file. Then it measures the cost of encoding this file with ffmpeg at the
// bitrate of the packets.
func (b *bench) encodeAlone(ctx context.Context, name string, packets []mixer.Packet) (cost encoderCost, err error) {
	coded, raw := filepath.Join(b.dir, name+".h264"), filepath.Join(b.dir, name+".yuv")
	defer func() { _ = os.Remove(raw) }() // large, and in a temporary folder
	if err = os.WriteFile(coded, joinPackets(packets), 0o600); err != nil {
		return cost, err
	}
	if _, err = b.ffmpeg(ctx, "-i", coded, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "yuv420p", raw); err != nil {
		return cost, err
	}
	seconds := float64(len(packets)) / float64(b.FPS)
	if cost.cpu, cost.bits, err = b.encodeRaw(ctx, raw, bitrateOf(packets, b.FPS), seconds, realTime); err != nil {
		return cost, err
	}
	cost.unpaced, _, err = b.encodeRaw(ctx, raw, bitrateOf(packets, b.FPS), seconds, nil)
	return cost, err
}

// rawInput returns the options with which ffmpeg reads frames of the view's size from the file raw. pace is realTime or nil.
func (b *bench) rawInput(raw string, pace []string) []string {
	size := fmt.Sprintf("%dx%d", b.Width, b.Height)
	return slices.Concat(pace, []string{
		"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", size, "-framerate", fmt.Sprint(b.FPS), "-i", raw,
	})
}

// encodeRaw encodes the file raw with ffmpeg at bitrate, in bits a second. seconds is the length of the file. cpu is the CPU
// seconds of the encoding, and bits is the size of its output, both per second of media. encodeRaw measures the CPU time of
// reading the file in a run of its own and subtracts it.
func (b *bench) encodeRaw(ctx context.Context, raw string, bitrate, seconds float64, pace []string) (cpu, bits float64, err error) {
	input := b.rawInput(raw, pace)
	encoded, err := b.ffmpeg(ctx, slices.Concat(input, b.x264(int(bitrate)), []string{"-f", "h264", "-"})...)
	if err != nil {
		return 0, 0, err
	}
	read, err := b.ffmpeg(ctx, append(input, "-f", "null", "-")...)
	return (encoded.cpu - read.cpu).Seconds() / seconds, float64(encoded.size*8) / seconds, err
}

// joinPackets returns the data of all packets, which is the content of a raw H.264 file.
func joinPackets(packets []mixer.Packet) []byte {
	var all []byte
	for _, p := range packets {
		all = append(all, p.Data...)
	}
	return all
}

// bitrateOf returns the bitrate of packets in bits a second. Each packet is one frame.
func bitrateOf(packets []mixer.Packet, fps int) float64 {
	return float64(8*len(joinPackets(packets))) * float64(fps) / float64(len(packets))
}

// caseViews divides the CPU time that a further view adds to the server by the CPU time that ffmpeg needs to encode this view.
func (b *bench) caseViews(ctx context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	if err = cmp.Or(err, w.viewersErr, w.viewsErr); err != nil {
		return nil, err
	}
	costs, err := b.encodersAlone(ctx, w.viewPackets)
	if err != nil {
		return nil, err
	}
	n := float64(len(costs))
	parts := map[string]float64{"view": (w.withViews.cpu - w.oneViewerAgain.cpu) / n}
	for i, c := range costs {
		parts["encoder"] += c.cpu / n
		parts["encoderUnpaced"] += c.unpaced / n
		parts["encoderBits"] += c.bits / n
		parts["bits"] += bitrateOf(w.viewPackets[i], b.FPS) / n
	}
	return []figure{{parts["view"] / parts["encoder"], parts}}, nil
}
