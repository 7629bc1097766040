package feed

import (
	"context"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// pattern is the feed of a test pattern. Its video shows a drifting wall of ceramic tiles, a ball that circles once a second, the
// name of the source and a running clock. Its audio is a tone that swells at every full second.
type pattern struct {
	mixer.Pattern
	name string
}

// keyEvery is the time from one keyframe to the next if none is requested.
const keyEvery = 4 * time.Second

// Run generates the pattern until ctx ends or an encoder fails. For each value from refresh it makes a keyframe at once.
func (p *pattern) Run(ctx context.Context, out func(mixer.Packet), refresh <-chan struct{}) error {
	painter, err := newFramePainter(p)
	if err != nil {
		return err
	}
	defer painter.close()
	video, err := codec.NewVideoEncoder(codec.VideoConfig{
		Codec: mixer.H264, Width: p.Width, Height: p.Height, FPS: p.FPS,
		Bitrate: max(200_000, p.Width*p.Height*p.FPS/4), Preset: "ultrafast",
	})
	if err != nil {
		return err
	}
	defer video.Close()
	audio, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: mixer.Opus, Bitrate: 48_000})
	if err != nil {
		return err
	}
	defer audio.Close()
	g := &generator{pattern: p, painter: painter, video: video, audio: audio, out: out}
	return g.run(ctx, refresh)
}

// generator makes the frames and the audio of a pattern at the pace of the wall clock.
type generator struct {
	*pattern
	painter *framePainter
	video   *codec.VideoEncoder
	audio   *codec.AudioEncoder
	out     func(mixer.Packet)

	start   time.Time
	voice   voice
	frames  int           // number of frames that were painted or skipped; late frames are skipped
	lastKey time.Duration // time of the last keyframe since start
}

// run advances the pattern every 20 ms until ctx ends, and at once when a keyframe is requested.
func (g *generator) run(ctx context.Context, refresh <-chan struct{}) error {
	g.start = time.Now()
	g.voice = voice{hz: g.Tone, blockStart: g.start}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		forced := false
		select {
		case <-ctx.Done():
			return nil
		case <-refresh:
			forced = true
		case <-ticker.C:
		}
		if err := g.advance(time.Now(), forced); err != nil {
			return err
		}
	}
}

// advance encodes the audio until the current time. It encodes a frame if one is due, and a keyframe in any case if forced is
// set.
func (g *generator) advance(now time.Time, forced bool) error {
	for g.voice.blockStart.Before(now) {
		pts := g.voice.blockStart.Sub(g.start)
		packets, err := g.audio.Encode(g.voice.next(), pts)
		if err != nil {
			return err
		}
		for _, p := range packets {
			g.out(p)
		}
	}
	pts := now.Sub(g.start)
	due := time.Duration(g.frames) * time.Second / time.Duration(g.FPS)
	if pts < due && !forced {
		return nil
	}
	g.frames = max(g.frames, int(pts*time.Duration(g.FPS)/time.Second)) + 1
	return g.frame(now, pts, forced)
}

// frame paints the pattern for a wall-clock time, encodes the frame with the given PTS and sends the packets. The frame becomes
// a keyframe if forced is set, or if keyEvery has passed since the last keyframe.
func (g *generator) frame(now time.Time, pts time.Duration, forced bool) error {
	f, err := g.painter.paint(now)
	if err != nil {
		return err
	}
	key := forced || g.frames == 1 || pts-g.lastKey >= keyEvery
	if key {
		g.lastKey = pts
	}
	packets, err := g.video.Encode(f, pts, key)
	for _, p := range packets {
		g.out(p)
	}
	return err
}
