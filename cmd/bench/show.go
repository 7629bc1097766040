package main

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"azulejo/cmd/internal/load"
	"azulejo/mixer"
	"azulejo/signal/client"
)

// scene is the work of a measured server.
type scene struct {
	inputs int
	films  []*load.Clip // of camera i: films[i%len(films)]
	subs   []*load.Clip // of their sub-streams, likewise; empty for none
	webrtc bool         // publishers instead of cameras
	views  []string     // further views, each a spotlight of another camera
	set    []string     // further keys of the server's configuration
}

// show is a running scene: cameras, the measured server, publishers and viewers. close stops all of it.
type show struct {
	b       *bench
	scene   scene
	cameras *cameras // nil without any
	server  *server
	crowd   *load.Crowd
	viewer  *load.Guest // of the main view
	capture capture
	load    overload
}

const (
	settle   = 2 * time.Second  // a change of the scene costs more CPU at first
	recovery = 20 * time.Second // the longest time that a server needs after an overload by a change
)

// open starts a scene with one viewer and returns when all inputs are shown.
func (b *bench) open(ctx context.Context, sc scene) (*show, error) {
	s := &show{b: b, scene: sc, crowd: load.NewCrowd("", b.log)}
	if err := s.start(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// start starts all parts of the scene; close stops them also after an error.
func (s *show) start(ctx context.Context) error {
	config, err := s.room()
	if err != nil {
		return err
	}
	if s.server, err = s.b.startServer(ctx, config, s.scene.set...); err != nil {
		return err
	}
	if s.scene.webrtc {
		if err = s.publish(ctx); err != nil {
			return err
		}
	}
	cfg := client.Config{Select: client.Selection{Rung: topRung}, OnVideo: s.capture.add, OnOverload: s.load.set}
	if s.viewer, err = s.crowd.View(ctx, s.server.url(), roomName, cfg); err != nil {
		return err
	}
	return s.awaitInputs(ctx)
}

// publish joins a WebRTC publisher for every input.
func (s *show) publish(ctx context.Context) error {
	for i := range s.scene.inputs {
		film := s.scene.films[i%len(s.scene.films)]
		film = film.From(len(film.Packets) * i / s.scene.inputs)
		if _, err := s.crowd.Publish(ctx, s.server.url(), roomName, cameraName(i), film); err != nil {
			return err
		}
	}
	return nil
}

func cameraName(i int) string { return fmt.Sprintf("camera %d", i+1) }

// room starts the cameras and describes them for the server.
func (s *show) room() (roomConfig, error) {
	var r roomConfig
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
		c := cameraConfig{Name: cameraName(i), URL: s.cameras.url(i+1, "main"), Transport: "tcp"}
		if f.sub != nil {
			c.SubURL = s.cameras.url(i+1, "sub")
		}
		r.Cameras = append(r.Cameras, c)
	}
	return r, nil
}

// topRung is the largest rung. A viewer that names its rung keeps it, so that a measurement does not depend on the
// bandwidth that this machine seems to have.
const topRung = "4320p"

// view joins a viewer. A viewer without a rung in its selection gets the top rung. onVideo may be nil.
func (s *show) view(ctx context.Context, selection client.Selection, onVideo func(mixer.Packet)) (*load.Guest, error) {
	selection.Rung = cmp.Or(selection.Rung, topRung)
	return s.crowd.View(ctx, s.server.url(), roomName, client.Config{Select: selection, OnVideo: onVideo})
}

// awaitInputs waits until all inputs are shown.
func (s *show) awaitInputs(ctx context.Context) error {
	for end := time.Now().Add(20 * time.Second); ; load.Wait(ctx, 100*time.Millisecond) {
		r, err := s.server.room(ctx)
		if err != nil {
			return err
		}
		if r.live() >= s.scene.inputs {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d inputs are shown after 20 s", r.live(), s.scene.inputs)
		}
	}
}

// sample is the result of one measurement, per second: the CPU seconds of the server, and the frames and bits that the
// viewer of the main view received.
type sample struct{ cpu, fps, bits float64 }

// measure lets the server settle and then measures it for the configured time. It fails when the server did less than
// the scene: when inputs were lost, or when the server was overloaded and saved work.
func (s *show) measure(ctx context.Context) (sample, error) {
	s.settle(ctx)
	cpu0, err := s.server.cpu()
	if err != nil {
		return sample{}, err
	}
	got0, t0 := s.viewer.Stats().Received.Video, time.Now()
	load.Wait(ctx, load.Seconds(s.b.Seconds))
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
	}, s.complete(ctx)
}

// settle waits until the last change of the scene costs no extra CPU and the server is not overloaded. Then it resets
// the worst level of overload.
func (s *show) settle(ctx context.Context) {
	load.Wait(ctx, settle)
	for end := time.Now().Add(recovery); s.load.reset() > 0 && time.Now().Before(end) && ctx.Err() == nil; {
		load.Wait(ctx, 100*time.Millisecond)
	}
}

// complete returns an error unless the server did all of its work since settle.
func (s *show) complete(ctx context.Context) error {
	if level := s.load.worst(); level > 0 {
		return fmt.Errorf("the server was overloaded (level %d) and saved work: this machine is too slow, or too busy, for %d inputs", level, s.scene.inputs)
	}
	return s.shown(ctx)
}

// shown returns an error unless all inputs are shown now.
func (s *show) shown(ctx context.Context) error {
	r, err := s.server.room(ctx)
	if err == nil && r.live() < s.scene.inputs {
		err = fmt.Errorf("%d of %d inputs are shown at the end of the measurement", r.live(), s.scene.inputs)
	}
	return err
}

// overload follows the level of overload that the server announces; level 0 is none. Its methods are safe for
// concurrent use.
type overload struct {
	mu            sync.Mutex
	current, high int
}

// set stores the level that the server announced.
func (o *overload) set(level int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.current, o.high = level, max(o.high, level)
}

// reset forgets all levels but the current one and returns that.
func (o *overload) reset() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.high = o.current
	return o.current
}

// worst is the highest level since reset.
func (o *overload) worst() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.high
}

// measureMoving is measure for a wall that changes all the time: it fails when frames are missing.
func (s *show) measureMoving(ctx context.Context) (sample, error) {
	out, err := s.measure(ctx)
	if err == nil && out.fps < 0.9*float64(s.b.FPS) {
		err = fmt.Errorf("the viewer got %.1f frames a second instead of %d: this machine is too slow for %d inputs", out.fps, s.b.FPS, s.scene.inputs)
	}
	return out, err
}

func (s *show) close() {
	s.crowd.Close()
	if s.server != nil {
		s.server.stop()
	}
	if s.cameras != nil {
		s.cameras.close()
	}
}
