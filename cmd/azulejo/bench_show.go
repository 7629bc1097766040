package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"azulejo/mixer"
)

// scene is what a measured server has to do.
type scene struct {
	inputs int
	films  []*clip  // what the cameras show, in turn
	subs   []*clip  // their sub-streams, in turn; empty for none
	webrtc bool     // publishers instead of cameras
	views  []string // further views, each a spotlight of another camera
	set    []string // further keys of the server's configuration
}

// show is a running scene: cameras, the measured server, publishers and viewers. close ends all of it.
type show struct {
	b       *bench
	scene   scene
	cameras *cameras // nil without any
	server  *benchServer
	crowd   *crowd
	viewer  *guest // of the main view
	seen    recording
	strain  strain
}

const (
	settle   = 2 * time.Second  // a change may cost more than what comes after it
	recovery = 20 * time.Second // a server that was overloaded by a change needs at most
)

// open starts a scene with one viewer and returns when all inputs are shown.
func (b *bench) open(ctx context.Context, sc scene) (*show, error) {
	s := &show{b: b, scene: sc, crowd: newCrowd(b.log)}
	if err := s.start(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *show) start(ctx context.Context) error {
	config, err := s.room()
	if err != nil {
		return err
	}
	if s.server, err = s.b.startServer(ctx, config, s.scene.set...); err != nil {
		return err
	}
	if s.scene.webrtc {
		for i := range s.scene.inputs {
			film := s.scene.films[i%len(s.scene.films)]
			film = film.from(len(film.packets) * i / s.scene.inputs)
			if _, err = s.crowd.publish(ctx, s.server.url(), benchRoom, cameraName(i), film); err != nil {
				return err
			}
		}
	}
	ears := ears{video: s.seen.put, overload: s.strain.hear}
	if s.viewer, err = s.crowd.view(ctx, s.server.url(), benchRoom, viewing{Rung: benchRung}, ears); err != nil {
		return err
	}
	return s.everybodyLive(ctx)
}

func cameraName(i int) string { return fmt.Sprintf("camera %d", i+1) }

// room starts the cameras and describes them for the server.
func (s *show) room() (benchRoomConfig, error) {
	var r benchRoomConfig
	r.Views = map[string]map[string]string{}
	for i, v := range s.scene.views {
		r.Views[v] = map[string]string{"layout": "spotlight", "spotlight": cameraName(i)}
	}
	if s.scene.webrtc {
		return r, nil
	}
	feeds := make([]feed, s.scene.inputs)
	for i := range feeds {
		feeds[i].main = s.scene.films[i%len(s.scene.films)]
		if n := len(s.scene.subs); n > 0 {
			feeds[i].sub = s.scene.subs[i%n]
		}
	}
	var err error
	if s.cameras, err = startCameras(feeds, s.b.log); err != nil {
		return r, err
	}
	for i, f := range feeds {
		c := CameraConfig{Name: cameraName(i), URL: s.cameras.url(i+1, "main"), Transport: "tcp"}
		if f.sub != nil {
			c.SubURL = s.cameras.url(i+1, "sub")
		}
		r.Cameras = append(r.Cameras, c)
	}
	return r, nil
}

// benchRung is the largest there is, and stays it: what is measured is not to depend on how fast this machine reads.
const benchRung = "4320p"

func (s *show) view(ctx context.Context, what viewing, take func(mixer.Packet)) (*guest, error) {
	what.Rung = cmp.Or(what.Rung, benchRung)
	return s.crowd.view(ctx, s.server.url(), benchRoom, what, ears{video: take})
}

// everybodyLive waits until all inputs are shown.
func (s *show) everybodyLive(ctx context.Context) error {
	for end := time.Now().Add(20 * time.Second); ; rest(ctx, 100*time.Millisecond) {
		r, err := s.server.room(ctx)
		if err != nil {
			return err
		}
		if r.live() >= s.scene.inputs {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("bench: %d of %d inputs are shown after 20 s", r.live(), s.scene.inputs)
		}
	}
}

// sample is what one measurement of our server saw, per second: CPU seconds, and what the viewer of the main
// view received.
type sample struct{ cpu, fps, bits float64 }

// measure watches the server for the configured time after it has settled. It fails when what was measured
// is not the job: inputs that were lost, or a server that saved work because the machine is too slow.
func (s *show) measure(ctx context.Context) (sample, error) {
	s.settle(ctx)
	cpu0, err := s.server.cpu()
	if err != nil {
		return sample{}, err
	}
	got0, t0 := s.viewer.Stats().Received.Video, time.Now()
	rest(ctx, time.Duration(s.b.Seconds*float64(time.Second)))
	cpu1, err := s.server.cpu()
	if err != nil {
		return sample{}, err
	}
	got1, d := s.viewer.Stats().Received.Video, time.Since(t0).Seconds()
	if err := ctx.Err(); err != nil {
		return sample{}, err
	}
	return sample{
		cpu:  (cpu1 - cpu0).Seconds() / d,
		fps:  float64(got1.Units-got0.Units) / d,
		bits: float64(got1.Bytes-got0.Bytes) * 8 / d,
	}, s.sound(ctx)
}

// settle waits until what changed costs no more than it will, and begins to watch over the server's strain.
func (s *show) settle(ctx context.Context) {
	rest(ctx, settle)
	for end := time.Now().Add(recovery); s.strain.begin() > 0 && time.Now().Before(end) && ctx.Err() == nil; {
		rest(ctx, 100*time.Millisecond)
	}
}

// sound tells whether the server did all of its job since settle.
func (s *show) sound(ctx context.Context) error {
	if level := s.strain.worst(); level > 0 {
		return fmt.Errorf("bench: the server was overloaded (level %d) and saved work: this machine is too slow, or too busy, for %d inputs", level, s.scene.inputs)
	}
	return s.shown(ctx)
}

// shown tells whether all inputs are shown now.
func (s *show) shown(ctx context.Context) error {
	r, err := s.server.room(ctx)
	if err == nil && r.live() < s.scene.inputs {
		err = fmt.Errorf("bench: %d of %d inputs are shown at the end of the measurement", r.live(), s.scene.inputs)
	}
	return err
}

// strain is how far the server says it is degraded, see [mixer.Mixer.Overload].
type strain struct {
	mu        sync.Mutex
	now, most int
}

// hear takes a new level.
func (s *strain) hear(level int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.most = level, max(s.most, level)
}

// begin forgets the levels before now's, which it returns.
func (s *strain) begin() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = s.now
	return s.now
}

// worst is the highest level since begin.
func (s *strain) worst() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// measureMoving is measure for a wall on which something moves: every picture must come.
func (s *show) measureMoving(ctx context.Context) (sample, error) {
	out, err := s.measure(ctx)
	if err == nil && out.fps < 0.9*float64(s.b.FPS) {
		err = fmt.Errorf("bench: the viewer got %.1f pictures a second instead of %d: this machine is too slow for %d inputs", out.fps, s.b.FPS, s.scene.inputs)
	}
	return out, err
}

func (s *show) close() {
	s.crowd.close()
	if s.server != nil {
		s.server.stop()
	}
	if s.cameras != nil {
		s.cameras.close()
	}
}

// recording keeps the pictures that a viewer received while it is asked to.
type recording struct {
	mu      sync.Mutex
	on      bool
	packets []mixer.Packet
}

// put takes what a client received.
func (r *recording) put(p mixer.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on && (p.Key || len(r.packets) > 0) {
		r.packets = append(r.packets, p)
	}
}

// begin keeps what comes from the next key picture on.
func (r *recording) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on, r.packets = true, nil
}

// end returns what was kept.
func (r *recording) end() ([]mixer.Packet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = false
	if len(r.packets) == 0 {
		return nil, fmt.Errorf("bench: the viewer received no key picture")
	}
	if slices.ContainsFunc(r.packets, func(p mixer.Packet) bool { return p.Lost || p.Codec != mixer.H264 }) {
		return nil, fmt.Errorf("bench: the viewer lost pictures or received another format than h264")
	}
	return r.packets, nil
}
