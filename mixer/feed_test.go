package mixer

import (
	"strings"
	"testing"
)

func TestParseFeed(t *testing.T) {
	gate := Pattern{Width: 640, Height: 360, FPS: 15, Tone: 550, Hue: 66}
	for url, want := range map[string]FeedSpec{
		"file:/clips/gate.mp4":    {Name: "Gate", File: "/clips/gate.mp4"},
		"file:///clips/gate.mp4":  {Name: "Gate", File: "/clips/gate.mp4"},
		"file:gate.mp4":           {Name: "Gate", File: "gate.mp4"},
		"test:":                   {Name: "Gate", Pattern: gate},
		"test:?w=321&h=181&fps=5": {Name: "Gate", Pattern: Pattern{Width: 320, Height: 180, FPS: 5, Tone: gate.Tone, Hue: gate.Hue}},
		"test:?tone=440.5&hue=10": {Name: "Gate", Pattern: Pattern{Width: 640, Height: 360, FPS: 15, Tone: 440.5, Hue: 10}},
	} {
		if got, err := ParseFeed("Gate", url); err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", url, got, err, want)
		}
	}
}

func TestBadFeedsAreRefused(t *testing.T) {
	for url, want := range map[string]string{
		"": "file:PATH", "gate": "file:PATH", "rtsp://x/y": "file:PATH", "file:": "a path", "file://": "a path",
		"test:?w=9": `w="9"`, "test:?h=4000": `h="4000"`, "test:?fps=abc": `fps="abc"`, "test:?fps=0": `fps="0"`,
		"test:?tone=1e9": `tone="1e9"`, "test:?hue=NaN": `hue="NaN"`, "test:%zz": "test:%zz",
	} {
		got, err := ParseFeed("Gate", url)
		if err == nil || !strings.Contains(err.Error(), want) || got != (FeedSpec{}) {
			t.Errorf("%q gave %+v, %v; want an error that names %q", url, got, err, want)
		}
	}
}
