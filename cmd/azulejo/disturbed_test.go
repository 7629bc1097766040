package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
	"azulejo/signal/signaltest/await"
)

// backAfter is the longest time from the end of a disturbance to new frames on the wall.
const backAfter = 2 * time.Second

// TestDisturbedCameras disturbs three of fifteen cameras at the same time. The others must keep 99 % of their rate, and each
// disturbed camera must be back soon after the end of its disturbance. If the wall had no time for some of its ticks, because the
// machine was busy, the test says nothing about the cameras and is tried again.
func TestDisturbedCameras(t *testing.T) {
	const others, tries = 12, 3
	stream, answers := blinking(t), newGate(t)
	cameras, urls := startCameras(t, others+3, func(i int) *cameratest.Camera {
		c := &cameratest.Camera{Stream: stream}
		if i == others {
			c.Answer = answers.holdDescribe
		}
		return c
	})
	late, killed, unplugged := cameras[others], cameras[others+1], cameras[others+2]
	cable := startCable(t, unplugged.URL())
	urls[others+2] = cable.url
	all := []disturbance{ // the shortest first
		{"answer late", others, func() { answers.shut(); late.Hang() }, answers.open, await.Long(t, 6*time.Second, 30*time.Second)},
		{"server killed", others + 1, killed.Stop, func() { killed.Start(t) }, await.Long(t, 7*time.Second, 40*time.Second)},
		{"cable pulled", others + 2, cable.shut, cable.open, await.Long(t, 8*time.Second, time.Minute)},
	}
	p := launchYard(t, mixer.Size{W: 640, H: 360}, 25, urls)
	wall := newTally(t, p)
	for try := 1; ; try++ {
		start := time.Now()
		await.Until(t, "all cameras are live and on the wall", func() bool {
			info := p.yard()
			return info.Overload == 0 && notLive(info) == nil && wall.plays(len(cameras), start)
		})
		before := p.yard().LateTicks
		problems := disturb(t, p, wall, all, others)
		busy := p.yard().LateTicks - before
		t.Logf("%d ticks were late; %s", busy, loadAverage(t))
		if len(problems) == 0 {
			return
		}
		if busy == 0 || try == tries {
			t.Fatal(strings.Join(problems, "\n"))
		}
	}
}

// disturbance is something that happens to a camera.
type disturbance struct {
	name       string
	camera     int
	begin, end func()
	length     time.Duration
}

// disturb begins all disturbances, and ends each after its length. It returns what went wrong.
func disturb(t *testing.T, p *process, wall *tally, all []disturbance, others int) (problems []string) {
	t.Helper()
	begun := time.Now()
	for _, d := range all {
		d.begin()
	}
	for _, d := range all {
		time.Sleep(time.Until(begun.Add(d.length)))
		name := cameraName(d.camera)
		if p.yard().Participants[d.camera].State == mixer.Live {
			problems = append(problems, d.name+": the camera is live meanwhile")
		}
		d.end()
		ended := time.Now()
		await.Until(t, d.name+": the camera is back", func() bool { return len(wall.since(name, ended)) >= 3 })
		back := wall.since(name, ended)[2].Sub(ended)
		t.Logf("%s: the camera is back after %v", d.name, back)
		if back > backAfter {
			problems = append(problems, fmt.Sprintf("%s: the camera is back after %v, want %v at most", d.name, back, backAfter))
		}
		for _, lost := range wall.missing(others, begun) {
			problems = append(problems, d.name+": "+lost)
		}
	}
	return problems
}

// gate lets goroutines wait while it is shut.
type gate struct {
	mu sync.Mutex
	ch chan struct{} // closed while the gate is open
}

// newGate returns an open gate. The end of the test opens it again.
func newGate(t *testing.T) *gate {
	g := &gate{ch: make(chan struct{})}
	close(g.ch)
	t.Cleanup(g.open)
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ch = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.ch:
	default:
		close(g.ch)
	}
}

// pass waits until the gate is open.
func (g *gate) pass() {
	g.mu.Lock()
	ch := g.ch
	g.mu.Unlock()
	<-ch
}

// holdDescribe lets a camera answer DESCRIBE only while the gate is open.
func (g *gate) holdDescribe(_ *cameratest.Session, r *base.Request) *base.Response {
	if r.Method == base.Describe {
		g.pass()
	}
	return nil
}

// cable forwards TCP connections to a camera. While its gate is shut nothing arrives, and no connection ends.
type cable struct {
	*gate
	url string // of the camera, through the cable

	target   string
	listener net.Listener
	work     sync.WaitGroup
}

// startCable starts a cable to the camera with the given URL. It forwards until the test ends.
func startCable(t *testing.T, camera string) *cable {
	t.Helper()
	u, err := url.Parse(camera)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{gate: newGate(t), target: u.Host, listener: l}
	u.Host = l.Addr().String()
	c.url = u.String()
	c.work.Go(c.accept)
	t.Cleanup(func() {
		_ = l.Close() // no connection is refused that anybody needs
		c.open()
		c.work.Wait()
	})
	return c
}

func (c *cable) accept() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.work.Go(func() { c.connect(client) })
	}
}

// connect forwards in both directions until one side ends the connection.
func (c *cable) connect(client net.Conn) {
	c.pass()
	camera, err := net.Dial("tcp", c.target)
	if err != nil {
		_ = client.Close() // the camera is gone
		return
	}
	c.work.Go(func() { c.forward(client, camera) })
	c.forward(camera, client)
}

func (c *cable) forward(to, from net.Conn) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		c.pass()
		if _, writeErr := to.Write(buffer[:n]); errors.Join(err, writeErr) != nil {
			break
		}
	}
	_ = errors.Join(to.Close(), from.Close()) // the other direction closes them too
}
