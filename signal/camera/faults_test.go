package camera

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
)

// TestPacketTroubleIsTwoLines: a camera with odd packets goes on, and the log has one line when it begins and one when it is over,
// with the camera's name.
func TestPacketTroubleIsTwoLines(t *testing.T) {
	t.Parallel()
	stream := film(t, mixer.H264)
	for name, c := range map[string]struct {
		transport string
		send      func(*cameratest.Track) // between the access units
		kind      string                  // empty: no trouble
	}{
		"another payload type": {
			TransportTCP, func(track *cameratest.Track) { track.Raw(rtpHeader(50, 1)) }, "RTP packets of another payload type",
		},
		"RTP version 0":       {TransportTCP, func(track *cameratest.Track) { track.Raw(make([]byte, 20)) }, "damaged RTP packets"},
		"RTP that is cut off": {TransportTCP, func(track *cameratest.Track) { track.Raw([]byte{0x80, 96}) }, "damaged RTP packets"},
		"empty RTP":           {TransportTCP, func(track *cameratest.Track) { track.Raw(nil) }, "damaged RTP packets"},
		"damaged RTCP": {
			TransportTCP, func(track *cameratest.Track) { track.RawRTCP([]byte("\xff\xff\xff\xff\xff\xff\xff")) }, "damaged RTCP packets",
		},
		"RTCP that is cut off": {
			TransportTCP, func(track *cameratest.Track) { track.RawRTCP([]byte{0x80, 200, 0, 6, 1, 2, 3, 4}) }, "damaged RTCP packets",
		},
		"another channel": {
			TransportTCP, func(track *cameratest.Track) { track.Session().Write([]byte{'$', 77, 0, 1, 9}) }, "packets of a track that was not set up",
		},
		"noise": {TransportTCP, func(track *cameratest.Track) { track.Session().Write([]byte("\x00\xffnoise\n")) }, ""},
		"unreadable message": {
			TransportTCP, func(track *cameratest.Track) { track.Session().Write([]byte("RTSP/1.0 abc\r\n\r\n")) }, "unreadable RTSP messages",
		},
		"long unreadable words": {
			TransportTCP, func(track *cameratest.Track) { track.Session().Write([]byte(strings.Repeat("RT", 300))) }, "unreadable RTSP messages",
		},
		"a request": {TransportTCP, func(track *cameratest.Track) {
			track.Session().Write([]byte("ANNOUNCE rtsp://127.0.0.1/live RTSP/1.0\r\nCSeq: 9\r\n\r\n"))
		}, "requests that are not supported"},
		"a request that is supported": {TransportTCP, func(track *cameratest.Track) {
			track.Session().Write([]byte("GET_PARAMETER rtsp://127.0.0.1/live RTSP/1.0\r\nCSeq: 9\r\n\r\n"))
		}, ""},
		"another payload type over UDP": {
			TransportUDP, func(track *cameratest.Track) { track.Raw(rtpHeader(50, 1)) }, "RTP packets of another payload type",
		},
		"damaged RTCP over UDP": {TransportUDP, func(track *cameratest.Track) { track.RawRTCP([]byte("\xff")) }, "damaged RTCP packets"},
		"payloads that are none": {
			TransportTCP, func(track *cameratest.Track) { track.Send([]byte{0x80, 1, 2}, 7, true) }, "malformed payloads",
		},
		"lost packets": {TransportUDP, func(track *cameratest.Track) { track.Lose([]byte{1}, 7, true) }, "lost RTP packets"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := &cameratest.Camera{Stream: stream}
			cam.SendUnit = func(track *cameratest.Track, _ int, unit [][]byte, timestamp uint32) {
				track.SendUnit(stream.PackUnit(unit), timestamp)
				c.send(track)
			}
			cam.Start(t)
			r := newTrial(t, Config{Transport: c.transport}, cam.URL())
			if err := r.run(t, func(r *trial) bool { return len(r.video) == 12 }); err != nil {
				t.Fatal(err)
			}
			var lines []string
			for line := range strings.Lines(r.log.String()) {
				if !strings.Contains(line, "receive buffer") {
					lines = append(lines, line)
				}
			}
			kind := fmt.Sprintf("kind=%q", c.kind)
			switch {
			case c.kind == "" && len(lines) != 0,
				c.kind != "" && (len(lines) != 2 || !strings.Contains(lines[0], "trouble began") || !strings.Contains(lines[1], "trouble over")):
				t.Errorf("the log says %q", lines)
			case c.kind != "" && (!strings.Contains(lines[0], kind) ||
				!strings.Contains(lines[0], "camera=Gate") || !strings.Contains(lines[1], kind)):
				t.Errorf("the log says %q, want %s", lines, kind)
			}
		})
	}
}

// rtpHeader returns an RTP packet of another payload type.
func rtpHeader(payloadType byte, seq uint16) []byte {
	return append([]byte{0x80, payloadType, byte(seq >> 8), byte(seq), 0, 0, 0, 1, 0, 0, 0, 2}, "telemetry"...)
}

// TestOtherPayloadTypes: a camera numbers its payload type otherwise than the session description.
func TestOtherPayloadTypes(t *testing.T) {
	t.Parallel()
	stream := film(t, mixer.H264)
	all := func(track *cameratest.Track, _ int) { track.PayloadType = 97 }
	for name, c := range map[string]struct {
		media string // the payload types of the media line
		send  func(track *cameratest.Track, n int)
		plays bool
	}{
		"all packets":                 {"96", all, true},
		"all packets, and telemetry":  {"96", func(track *cameratest.Track, n int) { track.Raw(rtpHeader(50, uint16(n))); all(track, n) }, true},
		"all packets, of two formats": {"96 98", all, false},
		"from the third second": {"96", func(track *cameratest.Track, n int) {
			if n > 20 {
				all(track, n)
			}
		}, true},
		"only in the beginning": {"96", func(track *cameratest.Track, n int) {
			track.PayloadType = 97
			if n > 20 {
				track.PayloadType = 96
			}
		}, true},
		"telemetry before the video": {"96", func(track *cameratest.Track, n int) {
			if n < 20 {
				track.PayloadType = 50
			} else {
				track.PayloadType = 96
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := &cameratest.Camera{Stream: stream}
			cam.SDP = func() string { return strings.Replace(cam.DefaultSDP(), "RTP/AVP 96", "RTP/AVP "+c.media, 1) }
			cam.SendUnit = func(track *cameratest.Track, n int, unit [][]byte, timestamp uint32) {
				c.send(track, n)
				track.SendUnit(stream.PackUnit(unit), timestamp)
			}
			cam.Start(t)
			r := newTrial(t, Config{}, cam.URL())
			late := 40 * time.Second / 15
			err := r.run(t, func(r *trial) bool { return keyframeCame(r) && lastPTS(r.video) > late/2 && len(r.video) > 18 })
			var f *Failure
			if c.plays && (err != nil || !keyframeCame(r)) {
				t.Errorf("no picture: %v", err)
			}
			if !c.plays && (!errors.As(err, &f) || f.Reason != mixer.ReasonNoData || !strings.Contains(f.Detail, "another payload type")) {
				t.Errorf("%v; want no-data", err)
			}
		})
	}
}

func lastPTS(packets []mixer.Packet) time.Duration {
	if len(packets) == 0 {
		return 0
	}
	return packets[len(packets)-1].PTS
}
