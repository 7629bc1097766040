package camera

import (
	"bufio"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"azulejo/mixer"
)

// python is Debian's, which has python3-gi. Another Python may come first in PATH.
const python = "/usr/bin/python3"

// startGStreamer starts testdata/gstreamer.py until the test ends and returns its address. Debian's GStreamer has no payloader
// for AV1.
func startGStreamer(t *testing.T, args ...string) (address string) {
	t.Helper()
	cmd := exec.Command(python, append([]string{"testdata/gstreamer.py"}, args...)...)
	stdin, err := cmd.StdinPipe() // the end of the test program ends the server too
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	complaints := &strings.Builder{}
	cmd.Stderr = complaints
	if err = cmd.Start(); err != nil {
		t.Fatalf("%s: %v", python, err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // it may be closed already
		if failed := cmd.Wait(); failed != nil {
			t.Errorf("GStreamer's server, which scripts/setup installs: %v: %s", failed, complaints.String())
		}
	})
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("read the port of GStreamer's server: %v", err)
	}
	return "127.0.0.1:" + strings.TrimSpace(port)
}

// launch returns a launch line of GStreamer's server for video of 160x90 and a tone of 600 Hz. video and audio are the
// elements behind the raw media.
func launch(video, audio string) string {
	return "videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=90,framerate=20/1 ! " + video + " name=pay0 " +
		"audiotestsrc is-live=true freq=600 ! audio/x-raw,channels=1," + audio + " name=pay1"
}

const (
	gstH264 = "openh264enc gop-size=20 ! h264parse ! rtph264pay pt=96"
	gstALaw = "rate=8000 ! alawenc ! rtppcmapay"
	gstOpus = "rate=48000 ! opusenc ! rtpopuspay pt=97"
	gstAAC  = "rate=16000 ! voaacenc ! aacparse ! "
)

// TestGStreamer pulls streams of GStreamer's RTSP server over both transports.
func TestGStreamer(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, video, audio string
		size               string
		id, audioID        mixer.Codec
	}{
		{"h264 and a-law", gstH264, gstALaw, "160x90", mixer.H264, mixer.PCMA},
		{"h264 and aac", gstH264, gstAAC + "rtpmp4gpay pt=97", "160x90", mixer.H264, mixer.AAC},
		{"h264 and latm", gstH264, gstAAC + "rtpmp4apay pt=97", "160x90", mixer.H264, mixer.AAC},
		{
			"h265 and mu-law", "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! h265parse ! rtph265pay pt=96",
			"rate=8000 ! mulawenc ! rtppcmupay", "160x90", mixer.H265, mixer.PCMU,
		},
		// RFC 2435 counts the lines in eights.
		{"jpeg and a-law", "jpegenc ! rtpjpegpay", gstALaw, "160x96", mixer.MJPEG, mixer.PCMA},
		{"vp8 and opus", "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=20 ! rtpvp8pay pt=96", gstOpus, "160x90", mixer.VP8, mixer.Opus},
		{
			"vp9 and opus", "vp9enc deadline=1 cpu-used=8 lag-in-frames=0 keyframe-max-dist=20 ! rtpvp9pay pt=96", gstOpus,
			"160x90", mixer.VP9, mixer.Opus,
		},
	}
	var lines []string
	for _, c := range cases {
		lines = append(lines, launch(c.video, c.audio))
	}
	address := startGStreamer(t, lines...)
	for i, c := range cases {
		for _, transport := range []string{TransportTCP, TransportUDP} {
			t.Run(c.name+" over "+transport, func(t *testing.T) {
				t.Parallel()
				out := record(t, Config{Name: "Gate", Transport: transport, Audio: AudioTrue}, fmt.Sprintf("rtsp://%s/%d", address, i))
				checkRecording(t, out, c.size, c.id, c.audioID)
			})
		}
	}
}

// TestGStreamerLogin pulls a stream of a server that wants Digest authentication.
func TestGStreamerLogin(t *testing.T) {
	t.Parallel()
	address := startGStreamer(t, "--login", "gate keeper:se:cret", launch(gstH264, gstALaw))
	for _, transport := range []string{TransportTCP, TransportUDP} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			out := record(t, Config{Name: "Gate", Transport: transport, Audio: AudioTrue}, "rtsp://gate%20keeper:se%3Acret@"+address+"/0")
			checkRecording(t, out, "160x90", mixer.H264, mixer.PCMA)
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		t.Parallel()
		f := openURL(t, Config{Name: "Gate"}, "rtsp://gate%20keeper:secret@"+address+"/0")
		err := f.Run(t.Context(), func(mixer.Packet) {}, nil)
		if failure := new(Failure); !errors.As(err, &failure) || failure.Reason != mixer.ReasonWrongPassword {
			t.Errorf("a wrong password gave %v, want %s", err, mixer.ReasonWrongPassword)
		}
	})
}
