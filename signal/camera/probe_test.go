package camera

import (
	"context"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
)

// TestProbe tries a main stream with sound that is refused, and a sub-stream with a wrong password, once each.
func TestProbe(t *testing.T) {
	t.Parallel()
	g726 := &cameratest.Audio{PayloadType: 97, SDP: "a=rtpmap:97 G726-32/8000\r\n"}
	main := (&cameratest.Camera{Stream: film(t, mixer.H264), Audio: g726, User: "u", Password: "p/#"}).Start(t)
	sub := (&cameratest.Camera{Stream: film(t, mixer.H264), User: "u", Password: "p"}).Start(t)
	got := Probe(t.Context(), Config{Name: "Gate", URL: main.LoginURL("u", "p%2F%23"), SubURL: sub.LoginURL("u", "q")})
	want := ProbeResult{
		URL: main.URL(), Codec: mixer.H264, Width: 160, Height: 96, Transport: TransportTCP,
		Audio: mixer.Trouble{Reason: mixer.ReasonNoAudioCodec, Detail: "the camera offers G726-32; accepted are AAC, Opus, G.711, G.722"},
	}
	if len(got) != 2 || got[0] != want {
		t.Errorf("the main stream gave %+v, want %+v", got, want)
	}
	if got[1].URL != sub.URL() || got[1].Trouble.Reason != mixer.ReasonWrongPassword {
		t.Errorf("the sub-stream gave %+v", got[1])
	}
	if main.Logins() != 1 || sub.Logins() != 1 {
		t.Errorf("%d and %d logins, want one each", main.Logins(), sub.Logins())
	}
}

// TestProbeOfCodecs: the size of every codec is told, and the codec of the sound, and the transport.
func TestProbeOfCodecs(t *testing.T) {
	t.Parallel()
	for _, id := range []mixer.Codec{mixer.H264, mixer.H265, mixer.VP9, mixer.AV1, mixer.MJPEG} {
		cam := (&cameratest.Camera{Stream: film(t, id), Audio: cameratest.Tone(440), Answer: refuse(TransportTCP, 461)}).Start(t)
		want := ProbeResult{URL: cam.URL(), Codec: id, Width: 160, Height: 96, Transport: TransportUDP, AudioCodec: mixer.PCMU}
		if got := Probe(t.Context(), Config{Name: "Gate", URL: cam.URL()}); len(got) != 1 || got[0] != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// TestProbeWithoutKeyframe: when the time is up, the trouble says what was missing.
func TestProbeWithoutKeyframe(t *testing.T) {
	t.Parallel()
	stream := film(t, mixer.H264)
	cam := &cameratest.Camera{Stream: stream}
	cam.SendUnit = func(track *cameratest.Track, n int, unit [][]byte, timestamp uint32) {
		if n%15 != 0 {
			track.SendUnit(stream.PackUnit(unit), timestamp)
		}
	}
	cam.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	got := Probe(ctx, Config{Name: "Gate", URL: cam.URL()})
	if len(got) != 1 || got[0].Trouble.Reason != mixer.ReasonNoKeyframe || !strings.Contains(got[0].Trouble.Detail, "no keyframe") {
		t.Errorf("got %+v", got)
	}
}

// TestProbeLeavesFilesAlone: files and test patterns are not opened.
func TestProbeLeavesFilesAlone(t *testing.T) {
	got := Probe(t.Context(), Config{Name: "Gate", URL: "file:/nowhere.mp4", SubURL: "test:"})
	if len(got) != 2 || got[0] != (ProbeResult{URL: "file:/nowhere.mp4"}) || got[1] != (ProbeResult{URL: "test:"}) {
		t.Errorf("got %+v", got)
	}
}
