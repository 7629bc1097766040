package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"azulejo/codec"
)

// spotlights are the names of n views.
func spotlights(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("v%d", i+1)
	}
	return names
}

// encoderCost is what encoding one view again costs and writes per second of media, and the bits that the view
// had.
type encoderCost struct{ cpu, bits, wanted float64 }

// measureViews adds a viewer of every further view, and has the peer encode again what each received.
func (s *show) measureViews(ctx context.Context) (all sample, encoders []encoderCost, err error) {
	seen := make([]recording, len(s.scene.views))
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
		packets, err := seen[i].end()
		if err != nil {
			return all, nil, err
		}
		cost, err := s.b.encodeAlone(ctx, packets)
		if err != nil {
			return all, nil, err
		}
		encoders = append(encoders, cost)
	}
	return all, encoders, nil
}

// encodeAlone decodes what a viewer received to a raw file and measures how the peer encodes that, at the same
// bitrate. Reading the file is measured too, and taken off.
func (b *bench) encodeAlone(ctx context.Context, packets []codec.Packet) (encoderCost, error) {
	coded, raw := filepath.Join(b.dir, "view.h264"), filepath.Join(b.dir, "view.yuv")
	defer func() { _ = os.Remove(raw) }() // large, and in a temporary folder
	if err := os.WriteFile(coded, stream(packets), 0o600); err != nil {
		return encoderCost{}, err
	}
	if _, err := b.ffmpeg(ctx, "-i", coded, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "yuv420p", raw); err != nil {
		return encoderCost{}, err
	}
	seconds := float64(len(packets)) / float64(b.FPS)
	in := []string{"-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", fmt.Sprintf("%dx%d", b.Width, b.Height), "-framerate", fmt.Sprint(b.FPS), "-i", raw}
	wanted := rate(packets, b.FPS)
	args := append(append(in[:len(in):len(in)], b.x264(int(wanted))...), "-f", "h264", "-")
	b.report.Peer.Encoder = b.FFmpeg + " " + strings.Join(args, " ")
	encoded, err := b.ffmpeg(ctx, args...)
	if err != nil {
		return encoderCost{}, err
	}
	read, err := b.ffmpeg(ctx, append(in[:len(in):len(in)], "-f", "null", "-")...)
	return encoderCost{(encoded.cpu - read.cpu).Seconds() / seconds, float64(encoded.size*8) / seconds, wanted}, err
}

// stream is packets of H.264 as a raw file has them.
func stream(packets []codec.Packet) []byte {
	var all []byte
	for _, p := range packets {
		all = append(all, p.Data...)
	}
	return all
}

// rate is how many bits a second packets have at that many pictures a second.
func rate(packets []codec.Packet, fps int) float64 {
	return float64(8*len(stream(packets))) * float64(fps) / float64(len(packets))
}

func (b *bench) caseViews(_ context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	if err = cmp.Or(err, w.viewersErr, w.viewsErr); err != nil {
		return nil, err
	}
	var sum encoderCost
	for _, e := range w.encoders {
		sum.cpu, sum.bits, sum.wanted = sum.cpu+e.cpu, sum.bits+e.bits, sum.wanted+e.wanted
	}
	n := float64(len(w.encoders))
	view, encoder := (w.views.cpu-w.again.cpu)/n, sum.cpu/n
	return []figure{{view / encoder, map[string]float64{
		"view": view, "encoder": encoder, "bits": sum.wanted / n, "encoderBits": sum.bits / n,
	}}}, nil
}
