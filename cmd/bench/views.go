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

// spotlightNames returns the names of n views. Each view has another camera in its spotlight, see scene.
func spotlightNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("v%d", i+1)
	}
	return names
}

// encoderCost is the cost of encoding one view again with the peer, per second of media.
type encoderCost struct {
	cpu     float64 // CPU seconds when the peer encodes in real time
	unpaced float64 // CPU seconds when the peer encodes as fast as it can
	bits    float64 // bits that the peer writes
}

// measureViews adds a viewer of every further view and measures the server. packets[i] are the video packets that the
// viewer of view i receives.
func (s *runningScene) measureViews(ctx context.Context) (all sample, packets [][]mixer.Packet, err error) {
	captures := make([]capture, len(s.scene.views))
	packets = make([][]mixer.Packet, len(captures))
	for i, name := range s.scene.views {
		captures[i].start() // before the viewer joins, to catch the first keyframe: the next one comes too late
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

// encodersAlone measures what it costs the peer to encode the views again, from the packets that their viewers received.
// The peer encodes all views at the same time, as our server does.
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

// encodeAlone decodes the packets of one view to a raw file. Then it measures what it costs the peer to encode this file
// at the bitrate of the packets.
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

// rawInput returns the options with which ffmpeg reads frames of our size from the file raw. pace is realTime or nil.
func (b *bench) rawInput(raw string, pace []string) []string {
	return slices.Concat(pace, []string{"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", b.Width, b.Height), "-framerate", fmt.Sprint(b.FPS), "-i", raw})
}

// encodeRaw encodes the file raw with the peer at wanted bits a second. seconds is the length of the file. encodeRaw
// returns the CPU seconds of the encoding and the bits that it writes, per second of media. It measures the CPU time of
// reading the file separately and subtracts it.
func (b *bench) encodeRaw(ctx context.Context, raw string, wanted, seconds float64, pace []string) (cpu, bits float64, err error) {
	in := b.rawInput(raw, pace)
	encoded, err := b.ffmpeg(ctx, slices.Concat(in, b.x264(int(wanted)), []string{"-f", "h264", "-"})...)
	if err != nil {
		return 0, 0, err
	}
	read, err := b.ffmpeg(ctx, append(in, "-f", "null", "-")...)
	return (encoded.cpu - read.cpu).Seconds() / seconds, float64(encoded.size*8) / seconds, err
}

// joinPackets joins the packets to the content of a raw H.264 file.
func joinPackets(packets []mixer.Packet) []byte {
	var all []byte
	for _, p := range packets {
		all = append(all, p.Data...)
	}
	return all
}

// bitrateOf returns the bitrate of packets in bits a second.
func bitrateOf(packets []mixer.Packet, fps int) float64 {
	return float64(8*len(joinPackets(packets))) * float64(fps) / float64(len(packets))
}

// caseViews divides the CPU time that a further view adds to our server by the CPU time that the peer needs to encode the
// view.
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
