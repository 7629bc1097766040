package feed

import (
	"context"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// pattern is a synthetic camera: a drifting wall of painted tiles, a ball that circles once a second, the name of the
// source, a running clock, and a tone that swells on every second.
type pattern struct {
	mixer.Pattern
	name string
}

// keyEvery is the distance of keyframes that nobody asked for.
const keyEvery = 4 * time.Second

func (p *pattern) Run(ctx context.Context, out func(mixer.Packet), refresh <-chan struct{}) error {
	scene, err := newScene(p)
	if err != nil {
		return err
	}
	defer scene.close()
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
	g := &generator{pattern: p, scene: scene, video: video, audio: audio, out: out}
	return g.run(ctx, refresh)
}

// generator paces a pattern's frames and audio by the wall clock.
type generator struct {
	*pattern
	scene *scene
	video *codec.VideoEncoder
	audio *codec.AudioEncoder
	out   func(mixer.Packet)

	start   time.Time
	voice   voice
	frames  int           // painted, or skipped because they were late
	lastKey time.Duration // time of the last keyframe, since start
}

func (g *generator) run(ctx context.Context, refresh <-chan struct{}) error {
	g.start = time.Now()
	g.voice = voice{hz: g.Tone, at: g.start}
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

// advance encodes the audio up to now, and a frame when one is due or forced.
func (g *generator) advance(now time.Time, forced bool) error {
	for g.voice.at.Before(now) {
		at := g.voice.at.Sub(g.start)
		packets, err := g.audio.Encode(g.voice.next(), at)
		if err != nil {
			return err
		}
		for _, p := range packets {
			g.out(p)
		}
	}
	at := now.Sub(g.start)
	due := time.Duration(g.frames) * time.Second / time.Duration(g.FPS)
	if at < due && !forced {
		return nil
	}
	g.frames = max(g.frames, int(at*time.Duration(g.FPS)/time.Second)) + 1
	return g.frame(now, at, forced)
}

func (g *generator) frame(now time.Time, at time.Duration, forced bool) error {
	f, err := g.scene.paint(now)
	if err != nil {
		return err
	}
	key := forced || g.frames == 1 || at-g.lastKey >= keyEvery
	if key {
		g.lastKey = at
	}
	packets, err := g.video.Encode(f, at, key)
	for _, p := range packets {
		g.out(p)
	}
	return err
}
