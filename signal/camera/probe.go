package camera

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// probePatience is how long Probe waits for the first keyframe of a stream.
const probePatience = 10 * time.Second

// ProbeResult says what one stream of a camera sent when it was tried.
type ProbeResult struct {
	URL           string        // without credentials
	Codec         mixer.Codec   // of the video; empty if no keyframe came
	Width, Height int           // of the video, in pixels; zero if its keyframe does not tell
	AudioCodec    mixer.Codec   // empty if no audio is taken
	Transport     string        // TransportTCP or TransportUDP; empty for files, for test patterns and if no session was made
	Audio         mixer.Trouble // why the audio is not taken; the zero value if it is, or if the camera has none
	Trouble       mixer.Trouble // why the video does not play; the zero value if it does
}

// Probe opens each RTSP stream of a camera once, all at the same time, and waits for its first keyframe, for at most 10 s. It
// tries the audio too, whatever cfg says about it. cfg must be valid. The result has one element for each URL, in the order
// main stream, sub-stream. Files and test patterns are not opened: their result has only the URL.
func Probe(ctx context.Context, cfg Config) []ProbeResult {
	all := make([]ProbeResult, len(cfg.urls()))
	var streams sync.WaitGroup
	for i, raw := range cfg.urls() {
		streams.Go(func() { all[i] = probe(ctx, cfg, raw) })
	}
	streams.Wait()
	return all
}

// probe tries one stream.
func probe(ctx context.Context, cfg Config, raw string) ProbeResult {
	in, err := cfg.parse(raw)
	if err != nil || in.rtsp == nil {
		return ProbeResult{URL: raw}
	}
	p := &prober{feed: in.rtsp, result: ProbeResult{URL: withoutCredentials(in.rtsp.url)}}
	p.run(ctx)
	return p.result
}

// withoutCredentials returns the text of a URL without its user and its password.
func withoutCredentials(u *base.URL) string { return (*url.URL)(u.CloneWithoutCredentials()).String() }

// prober tries one stream.
type prober struct {
	feed *rtspFeed

	mu       sync.Mutex
	pictures bool // video came
	result   ProbeResult
}

// run plays the stream until its first keyframe.
func (p *prober) run(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	p.feed.audio = true
	p.feed.audioTrouble = func(t mixer.Trouble) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.result.Audio = t
	}
	p.feed.playing = func(transport string, audio mixer.Codec) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.result.Transport, p.result.AudioCodec = transport, audio
		p.stopAtKeyframe(cancel)
	}
	err := p.feed.Run(ctx, func(packet mixer.Packet) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.take(packet)
		p.stopAtKeyframe(cancel)
	}, nil)
	if p.result.Codec == "" {
		p.result.Trouble = p.trouble(err)
	}
}

// take reads the format of the first keyframe.
func (p *prober) take(packet mixer.Packet) {
	if !packet.Codec.IsVideo() || p.result.Codec != "" {
		return
	}
	p.pictures = true
	if !packet.Key {
		return
	}
	info, _ := keyframe.Read(packet) // zero: it does not tell
	p.result.Codec, p.result.Width, p.result.Height = packet.Codec, info.Width, info.Height
}

// stopAtKeyframe ends the session when all is known: its transport, which may be told after the first packets, and the video.
func (p *prober) stopAtKeyframe(cancel func()) {
	if p.result.Codec != "" && p.result.Transport != "" {
		cancel()
	}
}

// trouble returns why no keyframe came. err is the error of the session; nil if the time was up.
func (p *prober) trouble(err error) mixer.Trouble {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f.Trouble
	case p.pictures:
		return mixer.Trouble{Reason: mixer.ReasonNoKeyframe, Detail: "video comes, but no keyframe in 10 s"}
	case p.result.Transport != "":
		return mixer.Trouble{Reason: mixer.ReasonNoData, Detail: "the session plays, but no video comes in 10 s"}
	}
	return mixer.Trouble{Reason: mixer.ReasonTimeout, Detail: "the camera did not play within 10 s"}
}
