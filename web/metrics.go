package web

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"azulejo/recorder"
	"azulejo/signal/peer"
	"azulejo/signal/room"
)

// newMetrics returns a handler that serves the metrics of the process, of the Go runtime and of azulejo. The metrics are in
// a new Prometheus registry, not in the default registry. Each scrape takes a new snapshot of the rooms.
func newMetrics(cfg Config, log *slog.Logger) http.Handler {
	reg := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "azulejo_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": cfg.Version},
	})
	build.Set(1)
	reg.MustRegister(build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newExposition(cfg))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling: promhttp.ContinueOnError, // a bad metric of one room must not hide the others
	})
}

// exposition is the Prometheus collector of all metrics of azulejo. Only newExposition and newCameraMetrics contain the names of
// the metrics.
type exposition struct {
	cfg Config

	rooms, participants, viewers, sources, ticks, late, frames *prometheus.Desc
	overload, views                                            *prometheus.Desc
	peers, moved                                               *prometheus.Desc
	encoders, bitrate, fps, sinks, skipped                     *prometheus.Desc
	durable, segments, bytes, dropped, failing                 *prometheus.Desc
	queue, queueBytes, oldest, failures, uploaded, upFailing   *prometheus.Desc

	cameras cameraMetrics
}

func newExposition(cfg Config) *exposition {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("azulejo_"+name, help, labels, nil)
	}
	rendition := []string{"room", "view", "codec", "size"}
	return &exposition{
		cfg:          cfg,
		rooms:        desc("rooms", "Open rooms."),
		participants: desc("participants", "Peers and cameras that publish.", "room"),
		viewers:      desc("viewers", "Connections that only watch.", "room"),
		sources:      desc("sources", "Participants by the state of their picture.", "room", "state"),
		encoders:     desc("renditions", "Encoders at work; personal views and private mixes share labels.", rendition...),
		bitrate:      desc("rendition_bitrate", "Measured bitrate of the encoders in bits per second.", rendition...),
		fps:          desc("rendition_frames_per_second", "Measured frame rate of the encoders, summed up.", rendition...),
		sinks:        desc("rendition_sinks", "Viewers and recordings fed by the encoders.", rendition...),
		skipped:      desc("rendition_skipped_total", "Pictures or blocks of sound the encoders were too slow for.", rendition...),
		overload:     desc("overload_level", "How far a room is degraded because the machine is too slow, 0 (not at all) to 4 (admits nobody).", "room"),
		views:        desc("views", "Named views.", "room"),
		ticks:        desc("ticks_total", "Pictures composed.", "room"),
		late:         desc("late_ticks_total", "Pictures skipped because composing came too late.", "room"),
		durable:      desc("recording_durable_timestamp_seconds", "Wall-clock time of the newest media safe on disk.", "room", "stream"),
		segments:     desc("recording_segments_total", "Segments finished.", "room", "stream"),
		bytes:        desc("recording_bytes_total", "Bytes written to the spool.", "room", "stream"),
		dropped:      desc("recording_dropped_packets_total", "Packets lost before they reached the disk.", "room", "stream"),
		failing:      desc("recording_failing", "1 while a recording reports an error.", "room", "stream"),
		frames:       desc("live_frames", "Decoded pictures in memory."),
		peers:        desc("peers", "WebRTC connections."),
		moved:        desc("viewers_moved_total", "Moves of viewers with rung auto to a smaller or a larger one, as their networks carry it.", "direction"),
		queue:        desc("upload_queue_segments", "Segments waiting for the store."),
		queueBytes:   desc("upload_queue_bytes", "Bytes waiting for the store."),
		oldest:       desc("upload_oldest_timestamp_seconds", "Wall-clock time of the oldest segment waiting."),
		upFailing:    desc("upload_failing", "1 while uploads fail."),
		failures:     desc("upload_failures_total", "Uploads that failed and were put back."),
		uploaded:     desc("uploaded_bytes_total", "Bytes confirmed by the store."),
		cameras:      newCameraMetrics(),
	}
}

// Describe implements prometheus.Collector. It sends the descriptions of all metrics.
func (e *exposition) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		e.rooms, e.participants, e.viewers, e.sources, e.ticks, e.late, e.frames,
		e.overload, e.views, e.peers, e.moved, e.encoders, e.bitrate, e.fps, e.sinks, e.skipped,
		e.durable, e.segments, e.bytes, e.dropped, e.failing,
		e.queue, e.queueBytes, e.oldest, e.failures, e.uploaded, e.upFailing,
	} {
		ch <- d
	}
	for _, d := range e.cameras.all() {
		ch <- d
	}
}

// Collect implements prometheus.Collector. It takes new snapshots of the rooms, uploads and peers.
func (e *exposition) Collect(ch chan<- prometheus.Metric) {
	rooms := e.cfg.Rooms.List()
	gauge(ch, e.rooms, float64(len(rooms)))
	for _, r := range rooms {
		e.collectRoom(ch, r)
	}
	if e.cfg.Cameras != nil {
		for _, c := range e.cfg.Cameras() {
			e.cameras.collect(ch, c, rooms)
		}
	}
	if e.cfg.LiveFrames != nil {
		gauge(ch, e.frames, float64(e.cfg.LiveFrames()))
	}
	if e.cfg.Uploads != nil {
		e.collectUploads(ch, e.cfg.Uploads())
	}
	if e.cfg.Peers != nil {
		e.collectPeers(ch, e.cfg.Peers())
	}
}

func (e *exposition) collectPeers(ch chan<- prometheus.Metric, x peer.EngineStats) {
	gauge(ch, e.peers, float64(x.Peers))
	counter(ch, e.moved, float64(x.MovedDown), "down")
	counter(ch, e.moved, float64(x.MovedUp), "up")
}

func (e *exposition) collectRoom(ch chan<- prometheus.Metric, r room.Info) {
	gauge(ch, e.participants, float64(len(r.Participants)), r.Room)
	gauge(ch, e.viewers, float64(r.Viewers), r.Room)
	counter(ch, e.ticks, float64(r.Ticks), r.Room)
	counter(ch, e.late, float64(r.LateTicks), r.Room)
	gauge(ch, e.overload, float64(r.Overload), r.Room)
	gauge(ch, e.views, float64(len(r.Views)), r.Room)
	states := map[string]int{}
	for _, p := range r.Participants {
		states[string(p.State)]++
	}
	for state, n := range states {
		gauge(ch, e.sources, float64(n), r.Room, state)
	}
	e.collectRenditions(ch, r)
	for _, x := range r.Recordings {
		e.collectRecording(ch, x)
	}
}

// collectRenditions sends one sum for all renditions with the same labels. So the personal views of many viewers share a few
// time series.
func (e *exposition) collectRenditions(ch chan<- prometheus.Metric, r room.Info) {
	type sum struct{ encoders, bitrate, fps, sinks, skipped float64 }
	sums := map[[4]string]*sum{}
	for _, x := range r.Renditions {
		labels := [4]string{r.Room, x.View, string(x.Codec), size(x.Width, x.Height)}
		s := sums[labels]
		if s == nil {
			s = &sum{}
			sums[labels] = s
		}
		s.encoders++
		s.bitrate += float64(x.Bitrate)
		s.fps += x.FPS
		s.sinks += float64(x.Sinks)
		s.skipped += float64(x.Skipped)
	}
	for labels, s := range sums {
		gauge(ch, e.encoders, s.encoders, labels[:]...)
		gauge(ch, e.bitrate, s.bitrate, labels[:]...)
		gauge(ch, e.fps, s.fps, labels[:]...)
		gauge(ch, e.sinks, s.sinks, labels[:]...)
		counter(ch, e.skipped, s.skipped, labels[:]...)
	}
}

// size returns the label for a size in pixels, such as 1280x720. The label is empty for audio.
func size(width, height int) string {
	if width == 0 {
		return ""
	}
	return strconv.Itoa(width) + "x" + strconv.Itoa(height)
}

func (e *exposition) collectRecording(ch chan<- prometheus.Metric, x recorder.RecordingStats) {
	if !x.Durable.IsZero() {
		gauge(ch, e.durable, float64(x.Durable.UnixMilli())/1000, x.Room, x.Stream)
	}
	counter(ch, e.segments, float64(x.Segments), x.Room, x.Stream)
	counter(ch, e.bytes, float64(x.Bytes), x.Room, x.Stream)
	counter(ch, e.dropped, float64(x.Dropped), x.Room, x.Stream)
	gauge(ch, e.failing, failing(x.Error), x.Room, x.Stream)
}

func (e *exposition) collectUploads(ch chan<- prometheus.Metric, x recorder.UploadStats) {
	gauge(ch, e.queue, float64(x.Waiting))
	gauge(ch, e.queueBytes, float64(x.WaitingBytes))
	gauge(ch, e.upFailing, failing(x.Error))
	counter(ch, e.failures, float64(x.Failures))
	counter(ch, e.uploaded, float64(x.StoredBytes))
	if !x.Oldest.IsZero() {
		gauge(ch, e.oldest, float64(x.Oldest.UnixMilli())/1000)
	}
}

// failing returns 0 if errText is empty, otherwise 1.
func failing(errText string) float64 {
	if errText != "" {
		return 1
	}
	return 0
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	send(ch, d, prometheus.GaugeValue, v, labels)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	send(ch, d, prometheus.CounterValue, v, labels)
}

// send sends one value to ch. If a label is not UTF-8, it sends an invalid metric. It never panics.
func send(ch chan<- prometheus.Metric, d *prometheus.Desc, t prometheus.ValueType, v float64, labels []string) {
	m, err := prometheus.NewConstMetric(d, t, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	ch <- m
}
