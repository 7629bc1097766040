package camera

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/url"
	"strconv"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// pattern is a synthetic camera: a drifting wall of painted tiles, a ball that circles once a second, the
// camera's name, a running clock, and a tone that swells on every second.
type pattern struct {
	name          string
	width, height int // pixels
	fps           int
	tone          float64 // Hz
	hue           float64 // degrees
}

// newPattern reads the query of a test: URL.
func newPattern(name string, q url.Values) (*pattern, error) {
	h := fnv.New32a()
	h.Write([]byte(name))
	p := &pattern{name: name, hue: float64(h.Sum32() % 360)}
	for _, f := range []struct {
		key            string
		value          *int
		def, low, high int
	}{
		{"w", &p.width, 640, 64, 3840}, {"h", &p.height, 360, 64, 2160}, {"fps", &p.fps, 15, 1, 60},
	} {
		n, err := number(q, f.key, float64(f.def), float64(f.low), float64(f.high))
		if err != nil {
			return nil, err
		}
		*f.value = int(n) &^ map[string]int{"w": 1, "h": 1}[f.key]
	}
	var err error
	if p.tone, err = number(q, "tone", 220+float64(h.Sum32()%12)*55, 20, 20000); err != nil {
		return nil, err
	}
	if p.hue, err = number(q, "hue", p.hue, 0, 360); err != nil {
		return nil, err
	}
	return p, nil
}

func number(q url.Values, key string, def, low, high float64) (float64, error) {
	s := q.Get(key)
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= low && n <= high) { // NaN is neither
		return 0, fmt.Errorf("%s=%q: accepted are numbers from %g to %g", key, s, low, high)
	}
	return n, nil
}

// keyEvery is the distance of key pictures that nobody asked for.
const keyEvery = 4 * time.Second

func (p *pattern) run(ctx context.Context, out sink, refresh <-chan struct{}) error {
	scene, err := newScene(p)
	if err != nil {
		return err
	}
	defer scene.close()
	video, err := codec.NewVideoEncoder(codec.VideoConfig{
		Codec: mixer.H264, Width: p.width, Height: p.height, FPS: p.fps,
		Bitrate: max(200_000, p.width*p.height*p.fps/4), Preset: "ultrafast",
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

// generator paces a pattern's pictures and sound by the wall clock.
type generator struct {
	*pattern
	scene *scene
	video *codec.VideoEncoder
	audio *codec.AudioEncoder
	out   sink

	begin  time.Time
	voice  voice
	frames int
	key    time.Duration
}

func (g *generator) run(ctx context.Context, refresh <-chan struct{}) error {
	g.begin = time.Now()
	g.voice = voice{hz: g.tone, at: g.begin}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return nil
		case <-refresh:
			asked = true
		case <-ticker.C:
		}
		if err := g.advance(time.Now(), asked); err != nil {
			return err
		}
	}
}

// advance makes the sound up to now, and a picture when one is due or asked for.
func (g *generator) advance(now time.Time, asked bool) error {
	for g.voice.at.Before(now) {
		at := g.voice.at.Sub(g.begin)
		packets, err := g.audio.Encode(g.voice.next(), at)
		if err != nil {
			return err
		}
		for _, p := range packets {
			g.out.PutAudio(p)
		}
	}
	at := now.Sub(g.begin)
	due := time.Duration(g.frames) * time.Second / time.Duration(g.fps)
	if at < due && !asked {
		return nil
	}
	g.frames = max(g.frames, int(at*time.Duration(g.fps)/time.Second)) + 1
	return g.picture(now, at, asked)
}

func (g *generator) picture(now time.Time, at time.Duration, asked bool) error {
	f, err := g.scene.paint(now)
	if err != nil {
		return err
	}
	key := asked || g.frames == 1 || at-g.key >= keyEvery
	if key {
		g.key = at
	}
	packets, err := g.video.Encode(f, at, key)
	for _, p := range packets {
		g.out.PutVideo(p)
	}
	return err
}
