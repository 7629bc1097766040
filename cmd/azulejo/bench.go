package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// benchCmd measures what a wall costs: this server against the system's ffmpeg, alternating, in one run.
type benchCmd struct {
	Files   []string `arg:"" help:"Media files (H.264 or VP8 without B-frames), used in turn for all inputs." type:"existingfile"`
	Inputs  int      `default:"9" help:"How many inputs, 1 to 25."`
	Viewers int      `default:"5" help:"Up to how many further viewers to add."`
	Rounds  int      `default:"3" help:"How often each side is measured; the median counts."`
	Seconds float64  `default:"12" help:"Length of one measurement."`
	Width   int      `default:"1280"`
	Height  int      `default:"720"`
	FPS     int      `default:"15" name:"fps"`
	Bitrate int      `default:"2000000" help:"Bits a second."`
	Preset  string   `default:"superfast" help:"x264's preset, of both sides."`
	FFmpeg  string   `default:"ffmpeg" name:"ffmpeg" help:"The peer."`
	JSON    string   `name:"json" help:"Write the report to this file too." placeholder:"FILE"`
}

// benchReport is what a bench found. CPU is in seconds per second of media: 1.0 is one core kept busy.
type benchReport struct {
	Inputs  int          `json:"inputs"`
	Size    string       `json:"size"`
	FPS     int          `json:"fps"`
	Bitrate int          `json:"bitrate"`
	Preset  string       `json:"preset"`
	Peer    string       `json:"peer"`
	Rounds  []benchRound `json:"rounds"`
	CPU     float64      `json:"cpu"`
	PeerCPU float64      `json:"peerCpu"`
	Ratio   float64      `json:"ratio"` // median of the rounds' ratios
	Viewers []viewerCost `json:"viewers"`
	Each    float64      `json:"perViewer"` // median cost of one more viewer, of the one-viewer cost
}

// benchRound is one measurement of both sides, one right after the other.
type benchRound struct {
	CPU      float64 `json:"cpu"`
	PeerCPU  float64 `json:"peerCpu"`
	FPS      float64 `json:"fps"`      // that our viewer received
	Bits     float64 `json:"bits"`     // a second, that our viewer received
	PeerBits float64 `json:"peerBits"` // a second, that ffmpeg wrote
}

// viewerCost is the CPU with so many viewers.
type viewerCost struct {
	Viewers int     `json:"viewers"`
	CPU     float64 `json:"cpu"`
	Each    float64 `json:"each"` // what each of the further viewers added, of the one-viewer cost in the same server
}

func (b *benchCmd) check() error {
	switch {
	case b.Inputs < 1 || b.Inputs > 25:
		return usageError{fmt.Errorf("--inputs: %d: accepted are 1 to 25", b.Inputs)}
	case b.Viewers < 0 || b.Viewers > 50:
		return usageError{fmt.Errorf("--viewers: %d: accepted are 0 to 50", b.Viewers)}
	case b.Rounds < 1 || b.Rounds > 25:
		return usageError{fmt.Errorf("--rounds: %d: accepted are 1 to 25", b.Rounds)}
	case b.Seconds < 1 || b.Seconds > 3600:
		return usageError{fmt.Errorf("--seconds: %g: accepted are 1 to 3600", b.Seconds)}
	}
	return nil
}

func (b *benchCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := b.check(); err != nil {
		return err
	}
	peer, err := ffmpegVersion(ctx, b.FFmpeg)
	if err != nil {
		return err
	}
	clips := make([]*clip, len(b.Files))
	for i, name := range b.Files {
		if clips[i], err = readClip(name); err != nil {
			return err
		}
	}
	r := benchReport{
		Inputs: b.Inputs, Size: fmt.Sprintf("%dx%d", b.Width, b.Height), FPS: b.FPS,
		Bitrate: b.Bitrate, Preset: b.Preset, Peer: peer,
	}
	for i := range b.Rounds {
		round, viewers, err := b.round(ctx, log, clips)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "round %d: azulejo %.3f, ffmpeg %.3f CPU seconds per second: %.3f\n", i+1, round.CPU, round.PeerCPU, round.CPU/round.PeerCPU)
		r.Rounds = append(r.Rounds, round)
		r.Viewers = append(r.Viewers, viewers...)
	}
	r.summarize()
	r.print()
	return b.save(r)
}

// round measures ffmpeg, then this server with one viewer, then with more.
func (b *benchCmd) round(ctx context.Context, log *slog.Logger, clips []*clip) (r benchRound, more []viewerCost, err error) {
	if r.PeerCPU, r.PeerBits, err = b.measureFFmpeg(ctx); err != nil {
		return r, nil, err
	}
	s, err := startBenchServer(ctx, b)
	if err != nil {
		return r, nil, err
	}
	defer s.stop()
	crowd := newCrowd(log)
	defer crowd.close()
	for i := range b.Inputs {
		if err = crowd.publish(ctx, s.url, benchRoom, fmt.Sprintf("input %d", i+1), clips[i%len(clips)]); err != nil {
			return r, nil, err
		}
	}
	if err = crowd.view(ctx, s.url, benchRoom); err != nil {
		return r, nil, err
	}
	one, err := b.measure(ctx, s, crowd)
	if err != nil {
		return r, nil, err
	}
	r.CPU, r.FPS, r.Bits = one.cpu, one.fps, one.bits
	more, err = b.addViewers(ctx, s, crowd, one.cpu)
	return r, more, err
}

// addViewers adds all further viewers at once and shares what they add between them: what a single one
// adds drowns in the machine's noise.
func (b *benchCmd) addViewers(ctx context.Context, s *benchServer, crowd *crowd, one float64) ([]viewerCost, error) {
	if b.Viewers == 0 {
		return nil, nil
	}
	for range b.Viewers {
		if err := crowd.view(ctx, s.url, benchRoom); err != nil {
			return nil, err
		}
	}
	many, err := b.measure(ctx, s, crowd)
	if err != nil {
		return nil, err
	}
	return []viewerCost{{1 + b.Viewers, many.cpu, (many.cpu - one) / one / float64(b.Viewers)}}, nil
}

// sample is what one measurement of our server saw.
type sample struct{ cpu, fps, bits float64 }

// measure watches the server for the configured time after it has settled.
func (b *benchCmd) measure(ctx context.Context, s *benchServer, crowd *crowd) (sample, error) {
	viewer := crowd.clients[b.Inputs]
	rest(ctx, 3*time.Second)
	cpu0, err := s.cpu()
	if err != nil {
		return sample{}, err
	}
	got0, t0 := viewer.Stats().Received.Video, time.Now()
	rest(ctx, time.Duration(b.Seconds*float64(time.Second)))
	cpu1, err := s.cpu()
	if err != nil {
		return sample{}, err
	}
	got1, d := viewer.Stats().Received.Video, time.Since(t0).Seconds()
	if err := ctx.Err(); err != nil {
		return sample{}, err
	}
	out := sample{
		cpu:  (cpu1 - cpu0).Seconds() / d,
		fps:  float64(got1.Units-got0.Units) / d,
		bits: float64(got1.Bytes-got0.Bytes) * 8 / d,
	}
	if out.fps < 0.9*float64(b.FPS) {
		return out, fmt.Errorf("bench: the viewer got %.1f pictures a second instead of %d: this machine is too slow for the comparison", out.fps, b.FPS)
	}
	return out, nil
}

func (r *benchReport) summarize() {
	var ours, peers, ratios, each []float64
	for _, x := range r.Rounds {
		ours, peers, ratios = append(ours, x.CPU), append(peers, x.PeerCPU), append(ratios, x.CPU/x.PeerCPU)
	}
	for _, v := range r.Viewers {
		each = append(each, v.Each)
	}
	r.CPU, r.PeerCPU, r.Ratio, r.Each = median(ours), median(peers), median(ratios), median(each)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func (r *benchReport) print() {
	x := r.Rounds[len(r.Rounds)-1]
	fmt.Printf("%d inputs composed at %s, %d pictures a second, x264 %s at %d kb/s; median of %d rounds\n\n",
		r.Inputs, r.Size, r.FPS, r.Preset, r.Bitrate/1000, len(r.Rounds))
	fmt.Println("| what | CPU s per s | ratio | kb/s |")
	fmt.Println("|---|---|---|---|")
	fmt.Printf("| %s (decode, scale, xstack, x264) | %.3f | 1.00 | %.0f |\n", r.Peer, r.PeerCPU, x.PeerBits/1000)
	fmt.Printf("| azulejo, whole server process, one viewer | %.3f | %.2f | %.0f |\n", r.CPU, r.Ratio, x.Bits/1000)
	if len(r.Viewers) > 0 {
		fmt.Printf("| each further viewer (of %d), of the one-viewer cost | %.4f | %.1f %% | |\n",
			r.Viewers[0].Viewers-1, r.Each*r.CPU, r.Each*100)
	}
	fmt.Println()
}

func (b *benchCmd) save(r benchReport) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println(string(data))
	if b.JSON == "" {
		return nil
	}
	return os.WriteFile(filepath.Clean(b.JSON), append(data, '\n'), 0o644)
}
