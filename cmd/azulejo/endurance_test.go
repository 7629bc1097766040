package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
	"azulejo/signal/client"
	"azulejo/signal/signaltest/await"
)

// The most by which the server may grow after its warm-up.
const (
	residentGrowth  = 8 << 20 // bytes of resident memory
	heapGrowth      = 4 << 20 // bytes of Go's heap
	goroutineGrowth = 2
)

// TestSixteenCameras plays sixteen cameras of 360p15 on one wall of 720p15. Nothing may be lost, the rate must be right, and the
// server must not grow.
func TestSixteenCameras(t *testing.T) {
	const n, fps = 16, 15
	length := await.Long(t, 20*time.Second, 10*time.Minute)
	warmUp := min(length/4, time.Minute)
	stream := cameratest.Make(t, mixer.H264, fps, "testsrc2=size=640x360:rate=15:duration=4")
	_, urls := startCameras(t, n, func(i int) *cameratest.Camera {
		return &cameratest.Camera{Stream: stream, Audio: cameratest.Tone(300 + 50*float64(i))}
	})
	p := launchYard(t, mixer.Size{W: 1280, H: 720}, fps, urls)
	viewer := p.watch(nil)
	p.eventually(20*time.Second, "all cameras are live", func() bool {
		info := p.yard()
		return len(info.Participants) == n && notLive(info) == nil && viewer.Stats().Received.Video.Units > 0
	})
	p.follow(viewer, warmUp)
	samples := p.follow(viewer, length-warmUp)
	p.checkWall(viewer, n)
	checkGrowth(t, samples)
	rate := samples.rate()
	t.Logf("the wall has %.3f frames a second; %s", rate, loadAverage(t))
	if long := length > time.Minute; long && (rate < 0.98*fps || rate > 1.02*fps) {
		t.Errorf("the wall has %.3f frames a second, want %d within 2 %%", rate, fps)
	}
}

// sample is what the server's metrics and its viewer say at one time.
type sample struct {
	at                         time.Time
	resident, heap, goroutines int
	frames                     uint64 // received by the viewer so far
}

type samples []sample

// follow takes a sample each second. All cameras must be live all the time.
func (p *process) follow(viewer *client.Client, length time.Duration) (all samples) {
	p.t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for end := time.Now().Add(length); time.Now().Before(end); <-tick.C {
		if names := notLive(p.yard()); names != nil {
			p.t.Errorf("not live: %v", names)
		}
		all = append(all, p.sample(viewer))
	}
	return all
}

func (p *process) sample(viewer *client.Client) sample {
	p.t.Helper()
	s := sample{frames: viewer.Stats().Received.Video.Units, at: time.Now()}
	text := p.get("/metrics")
	for name, value := range map[string]*int{
		"process_resident_memory_bytes": &s.resident, "go_memstats_heap_alloc_bytes": &s.heap, "go_goroutines": &s.goroutines,
	} {
		_, rest, _ := bytes.Cut(text, []byte("\n"+name+" "))
		var number float64
		if _, err := fmt.Sscan(string(rest), &number); err != nil {
			p.t.Fatalf("metric %s: %v", name, err)
		}
		*value = int(number)
	}
	return s
}

// rate returns the frames a second that the viewer got.
func (all samples) rate() float64 {
	first, last := all[0], all[len(all)-1]
	return float64(last.frames-first.frames) / last.at.Sub(first.at).Seconds()
}

// least returns the least value of the samples. For Go's heap that is the value after a garbage collection.
func (all samples) least(value func(sample) int) int {
	return value(slices.MinFunc(all, func(a, b sample) int { return value(a) - value(b) }))
}

// checkGrowth compares the last third of the samples with the first.
func checkGrowth(t *testing.T, all samples) {
	t.Helper()
	third := len(all) / 3
	for _, c := range []struct {
		name  string
		value func(sample) int
		most  int
	}{
		{"resident memory", func(s sample) int { return s.resident }, residentGrowth},
		{"heap", func(s sample) int { return s.heap }, heapGrowth},
		{"goroutines", func(s sample) int { return s.goroutines }, goroutineGrowth},
	} {
		first, last := all[:third].least(c.value), all[len(all)-third:].least(c.value)
		t.Logf("%s: %d, then %d", c.name, first, last)
		if last > first+c.most {
			t.Errorf("%s has grown from %d to %d; accepted are %d more", c.name, first, last, c.most)
		}
	}
}

// checkWall wants nothing lost between the n cameras and the viewer, and no overload that stays. A busy machine may cause
// overload for a while.
func (p *process) checkWall(viewer *client.Client, n int) {
	p.t.Helper()
	p.eventually(time.Minute, "no overload is left", func() bool { return p.yard().Overload == 0 })
	info := p.yard()
	if len(info.Participants) != n {
		p.t.Errorf("%d participants, want %d", len(info.Participants), n)
	}
	for _, c := range info.Participants {
		if c.Dropped != 0 || c.Invalid != 0 {
			p.t.Errorf("%s: %d packets dropped and %d invalid", c.Name, c.Dropped, c.Invalid)
		}
	}
	if got := viewer.Stats().Received.Video; got.Lost != 0 {
		p.t.Errorf("the viewer lost %d of the packets of %d frames", got.Lost, got.Units)
	}
	p.t.Logf("%d of %d ticks were late", info.LateTicks, info.Ticks)
}

// loadAverage is that of the machine.
func loadAverage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	return "load average " + strings.TrimSpace(string(text))
}
