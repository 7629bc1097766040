package web

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"azulejo/mixer"
	"azulejo/recorder"
	"azulejo/signal/camera"
	"azulejo/signal/peer"
	"azulejo/signal/room"
)

func TestMetrics(t *testing.T) {
	srv := serveTest(t, &registry{rooms: []room.Info{yard()}}, func(c *Config) {
		c.LiveFrames = func() int64 { return 9 }
		c.Cameras = func() []CameraStats {
			return []CameraStats{
				{"yard", "gate", camera.Stats{Reconnects: 3, Bytes: 1000, LostPackets: 7, LastPicture: time.Now().Add(-time.Hour)}},
				{"yard", "door", camera.Stats{Trouble: mixer.Trouble{Reason: mixer.ReasonWrongPassword}}},
			}
		}
		c.Peers = func() peer.EngineStats {
			return peer.EngineStats{Peers: 8, Stats: peer.Stats{MovedDown: 4, MovedUp: 3}}
		}
		c.Uploads = func() recorder.UploadStats {
			return recorder.UploadStats{Waiting: 5, WaitingBytes: 50, Oldest: time.Unix(1_800_000_000, 0), Failures: 2, StoredBytes: 77, Error: "refused"}
		}
	})
	a := request(t, "GET", srv.URL+"/metrics")
	for _, line := range []string{
		`azulejo_rooms 1`,
		`azulejo_participants{room="yard"} 1`,
		`azulejo_viewers{room="yard"} 3`,
		`azulejo_sources{room="yard",state="live"} 1`,
		`azulejo_rendition_bitrate{codec="h264",room="yard",size="1280x720",view="main"} 2e+06`,
		`azulejo_rendition_frames_per_second{codec="h264",room="yard",size="1280x720",view="main"} 25`,
		`azulejo_rendition_sinks{codec="h264",room="yard",size="1280x720",view="main"} 4`,
		`azulejo_ticks_total{room="yard"} 100`,
		`azulejo_late_ticks_total{room="yard"} 2`,
		`azulejo_recording_durable_timestamp_seconds{room="yard",stream="main"} 1.8000000005e+09`,
		`azulejo_recording_segments_total{room="yard",stream="main"} 7`,
		`azulejo_recording_bytes_total{room="yard",stream="main"} 12345`,
		`azulejo_recording_failing{room="yard",stream="main"} 0`,
		`azulejo_overload_level{room="yard"} 2`,
		`azulejo_views{room="yard"} 0`,
		`azulejo_renditions{codec="h264",room="yard",size="1280x720",view="main"} 1`,
		`azulejo_camera_state{camera="gate",reason="",room="yard",state="live"} 1`,
		`azulejo_camera_state{camera="door",reason="wrong-password",room="yard",state="connecting"} 1`,
		`azulejo_camera_reconnects_total{camera="gate",room="yard"} 3`,
		`azulejo_camera_received_bytes_total{camera="gate",room="yard"} 1000`,
		`azulejo_camera_lost_packets_total{camera="gate",room="yard"} 7`,
		`azulejo_live_frames 9`,
		`azulejo_peers 8`,
		`azulejo_viewers_moved_total{direction="down"} 4`,
		`azulejo_viewers_moved_total{direction="up"} 3`,
		`azulejo_rendition_bitrate{codec="opus",room="yard",size="",view="main"} 64000`,
		`azulejo_rendition_skipped_total{codec="h264",room="yard",size="1280x720",view="main"} 6`,
		`azulejo_upload_queue_segments 5`,
		`azulejo_upload_queue_bytes 50`,
		`azulejo_upload_oldest_timestamp_seconds 1.8e+09`,
		`azulejo_upload_failing 1`,
		`azulejo_upload_failures_total 2`,
		`azulejo_uploaded_bytes_total 77`,
		`azulejo_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(a.body, "\n"+line+"\n") {
			t.Errorf("metrics lack %s", line)
		}
	}
	if !strings.Contains(a.body, `azulejo_camera_picture_age_seconds{camera="gate",room="yard"} 360`) || strings.Contains(a.body, `age_seconds{camera="door"`) {
		t.Error("the age of the picture is wrong, or a camera without a picture has one")
	}
	problems, err := promlint.New(strings.NewReader(a.body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestMetricsSurviveOddRooms: a room whose name cannot be a label does not hide the others.
func TestMetricsSurviveOddRooms(t *testing.T) {
	bad := room.Info{Room: "\xff"}
	srv := serveTest(t, &registry{rooms: []room.Info{bad, yard()}}, nil)
	a := request(t, "GET", srv.URL+"/metrics")
	if a.status != 200 || !strings.Contains(a.body, "azulejo_rooms 2") || !strings.Contains(a.body, `azulejo_viewers{room="yard"} 3`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestPersonalViewsShareASeries: the personal views of all viewers are one time series for each rung.
func TestPersonalViewsShareASeries(t *testing.T) {
	r := yard()
	for _, height := range []int{360, 360, 180} {
		r.Renditions = append(r.Renditions, mixer.RenditionStats{Codec: "vp8", Width: height * 16 / 9, Height: height, FPS: 25, Bitrate: 500_000, Sinks: 2, Skipped: 1})
	}
	srv := serveTest(t, &registry{rooms: []room.Info{r}}, nil)
	a := request(t, "GET", srv.URL+"/metrics")
	for _, line := range []string{
		`azulejo_renditions{codec="vp8",room="yard",size="640x360",view=""} 2`,
		`azulejo_renditions{codec="vp8",room="yard",size="320x180",view=""} 1`,
		`azulejo_rendition_bitrate{codec="vp8",room="yard",size="640x360",view=""} 1e+06`,
		`azulejo_rendition_frames_per_second{codec="vp8",room="yard",size="640x360",view=""} 50`,
		`azulejo_rendition_sinks{codec="vp8",room="yard",size="640x360",view=""} 4`,
		`azulejo_rendition_skipped_total{codec="vp8",room="yard",size="640x360",view=""} 2`,
	} {
		if !strings.Contains(a.body, "\n"+line+"\n") {
			t.Errorf("metrics lack %s", line)
		}
	}
}
