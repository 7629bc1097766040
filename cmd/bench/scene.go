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

// scene describes the work of a measured server, such as composing the wall.
type scene struct {
	inputs   int
	clips    []*load.Clip // input i plays clips[i%len(clips)]
	subClips []*load.Clip // the sub-stream of camera i plays subClips[i%len(subClips)]; empty: no sub-streams
	webrtc   bool         // the inputs are WebRTC publishers instead of cameras
	views    []string     // names of the views besides the main view; view i has input i in its spotlight
	settings []string     // KEY=VALUE pairs for the server's --set
}

// runningScene is a scene that runs: cameras, the measured server, publishers and viewers. close stops all of them.
type runningScene struct {
	b       *bench
	scene   scene
	cameras *cameras // nil if the inputs are WebRTC publishers
	server  *server
	crowd   *load.Crowd // the publishers and viewers
	viewer  *load.Guest // the first viewer, which watches the main view
	capture capture     // the video that viewer receives, once started
	load    overload    // levels that the server announces to viewer
}

const (
	changeTime   = 2 * time.Second  // how long a change of the scene, such as a new viewer, costs additional CPU time
	overloadWait = 20 * time.Second // the longest wait for the end of an overload that a change of the scene caused
)

// open starts a scene with one viewer and returns when the video of all inputs is live.
func (b *bench) open(ctx context.Context, sc scene) (*runningScene, error) {
	s := &runningScene{b: b, scene: sc, crowd: load.NewCrowd("", b.log)}
	if err := s.start(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// start starts the cameras, the server, the publishers and the first viewer. The caller must call close, also after an error.
func (s *runningScene) start(ctx context.Context) error {
	config, err := s.room()
	if err != nil {
		return err
	}
	if s.server, err = s.b.startServer(ctx, config, s.scene.settings...); err != nil {
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

// publish joins a WebRTC publisher for every input. Each publisher starts at another frame of its clip, as the cameras do.
func (s *runningScene) publish(ctx context.Context) error {
	for i := range s.scene.inputs {
		clip := s.scene.clips[i%len(s.scene.clips)]
		clip = clip.From(len(clip.Packets) * i / s.scene.inputs)
		if _, err := s.crowd.Publish(ctx, s.server.url(), roomName, cameraName(i), clip); err != nil {
			return err
		}
	}
	return nil
}

func cameraName(i int) string { return fmt.Sprintf("camera %d", i+1) }

// room starts the cameras and returns the configuration of the room, with the views and cameras of the scene.
func (s *runningScene) room() (roomConfig, error) {
	var r roomConfig
	r.Views = map[string]map[string]string{}
	for i, v := range s.scene.views {
		r.Views[v] = map[string]string{"layout": "spotlight", "spotlight": cameraName(i)}
	}
	if s.scene.webrtc {
		return r, nil
	}
	clips := make([]cameraClips, s.scene.inputs)
	for i := range clips {
		clips[i].main = s.scene.clips[i%len(s.scene.clips)]
		if n := len(s.scene.subClips); n > 0 {
			clips[i].sub = s.scene.subClips[i%n]
		}
	}
	var err error
	if s.cameras, err = startCameras(clips, s.b.log); err != nil {
		return r, err
	}
	for i, camera := range clips {
		c := cameraConfig{Name: cameraName(i), URL: s.cameras.url(i+1, "main"), Transport: "tcp"}
		if camera.sub != nil {
			c.SubURL = s.cameras.url(i+1, "sub")
		}
		r.Cameras = append(r.Cameras, c)
	}
	return r, nil
}

// topRung is a rung name that selects the largest rung of the view. A viewer that selects a rung by name keeps this rung. For
// other viewers the server picks the rung by its estimate of their bandwidth, and the measurement would depend on the estimate.
const topRung = "4320p"

// view joins a viewer with this selection, and with topRung if the selection has no rung. onVideo may be nil.
func (s *runningScene) view(ctx context.Context, selection client.Selection, onVideo func(mixer.Packet)) (*load.Guest, error) {
	selection.Rung = cmp.Or(selection.Rung, topRung)
	return s.crowd.View(ctx, s.server.url(), roomName, client.Config{Select: selection, OnVideo: onVideo})
}

// awaitInputs waits until the video of all inputs is live, at most 20 s.
func (s *runningScene) awaitInputs(ctx context.Context) error {
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

// sample is the result of one measurement.
type sample struct {
	cpu  float64 // CPU seconds per second that the server used
	fps  float64 // frames per second that the first viewer received
	bits float64 // bits per second that the first viewer received
}

// measure calls settle and then measures the server for b.Seconds. It returns an error if the server did less work than the
// scene needs: if inputs are missing at the end, or if the server was overloaded and saved work.
func (s *runningScene) measure(ctx context.Context) (sample, error) {
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
	}, s.checkWork(ctx)
}

// settle waits until the last change of the scene costs no additional CPU time and the server is not overloaded. It waits for the
// end of an overload for overloadWait at most. At its end it has reset the highest level in s.load.
func (s *runningScene) settle(ctx context.Context) {
	load.Wait(ctx, changeTime)
	for end := time.Now().Add(overloadWait); s.load.reset() > 0 && time.Now().Before(end) && ctx.Err() == nil; {
		load.Wait(ctx, 100*time.Millisecond)
	}
}

// checkWork returns an error if the server was overloaded since settle, or if inputs are missing now.
func (s *runningScene) checkWork(ctx context.Context) error {
	if level := s.load.worst(); level > 0 {
		return fmt.Errorf("the server was overloaded (level %d) and saved work: this machine is too slow, or too busy, for %d inputs", level, s.scene.inputs)
	}
	return s.checkInputs(ctx)
}

// checkInputs returns an error if the video of an input is not live now.
func (s *runningScene) checkInputs(ctx context.Context) error {
	r, err := s.server.room(ctx)
	if err == nil && r.live() < s.scene.inputs {
		err = fmt.Errorf("%d of %d inputs are shown at the end of the measurement", r.live(), s.scene.inputs)
	}
	return err
}

// overload stores the levels of overload that the server announces. Level 0 means no overload. The methods of overload are safe
// for concurrent use.
type overload struct {
	mu               sync.Mutex
	current, highest int // the newest level, and the highest one since reset
}

// set stores the level that the server announced.
func (o *overload) set(level int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.current, o.highest = level, max(o.highest, level)
}

// reset forgets all levels except the current one and returns the current one.
func (o *overload) reset() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.highest = o.current
	return o.current
}

// worst returns the highest level since reset.
func (o *overload) worst() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.highest
}

// measureMoving does the same as measure, but also returns an error if the viewer gets less than 90 % of the frames. It is only for
// scenes with moving footage: a server sends fewer frames if nothing moves.
func (s *runningScene) measureMoving(ctx context.Context) (sample, error) {
	out, err := s.measure(ctx)
	if err == nil && out.fps < 0.9*float64(s.b.FPS) {
		err = fmt.Errorf("the viewer got %.1f frames a second instead of %d: this machine is too slow for %d inputs", out.fps, s.b.FPS, s.scene.inputs)
	}
	return out, err
}

// close disconnects all clients and then stops the server and the cameras.
func (s *runningScene) close() {
	s.crowd.Close()
	if s.server != nil {
		s.server.stop()
	}
	if s.cameras != nil {
		s.cameras.close()
	}
}
