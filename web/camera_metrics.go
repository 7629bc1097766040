package web

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"azulejo/mixer"
	"azulejo/signal/camera"
	"azulejo/signal/room"
)

// CameraStats is the snapshot of one configured camera.
type CameraStats struct {
	Room, Name string
	camera.Stats
}

// cameraMetrics has the descriptions of the metrics of each camera.
type cameraMetrics struct{ state, reconnects, age, bytes, lost *prometheus.Desc }

func newCameraMetrics() cameraMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("azulejo_camera_"+name, help, append([]string{"room", "camera"}, labels...), nil)
	}
	return cameraMetrics{
		state:      desc("state", "Always 1; the labels say what the tile shows and why it is not live.", "state", "reason"),
		reconnects: desc("reconnects_total", "How often pictures came again after a session had ended."),
		age:        desc("picture_age_seconds", "Time since the last picture came."),
		bytes:      desc("received_bytes_total", "Bytes of media received."),
		lost:       desc("lost_packets_total", "RTP packets lost."),
	}
}

func (m cameraMetrics) all() []*prometheus.Desc {
	return []*prometheus.Desc{m.state, m.reconnects, m.age, m.bytes, m.lost}
}

// collect sends the metrics of a camera. rooms are the open rooms. A camera that is in no room has the state connecting and the
// trouble that it reports itself.
func (m cameraMetrics) collect(ch chan<- prometheus.Metric, c CameraStats, rooms []room.Info) {
	state, reason := mixer.Connecting, c.Trouble.Reason
	if p, ok := findCamera(rooms, c); ok {
		state, reason = p.State, p.Reason
	}
	gauge(ch, m.state, 1, c.Room, c.Name, string(state), string(reason))
	counter(ch, m.reconnects, float64(c.Reconnects), c.Room, c.Name)
	counter(ch, m.bytes, float64(c.Bytes), c.Room, c.Name)
	counter(ch, m.lost, float64(c.LostPackets), c.Room, c.Name)
	if !c.LastPicture.IsZero() {
		gauge(ch, m.age, time.Since(c.LastPicture).Seconds(), c.Room, c.Name)
	}
}

// findCamera returns the participant of a camera.
func findCamera(rooms []room.Info, c CameraStats) (room.ParticipantInfo, bool) {
	for _, r := range rooms {
		for _, p := range r.Participants {
			if r.Room == c.Room && p.Kind == room.Camera && p.Name == c.Name {
				return p, true
			}
		}
	}
	return room.ParticipantInfo{}, false
}
