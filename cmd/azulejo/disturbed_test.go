package main

import (
	"errors"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
	"azulejo/signal/signaltest/await"
)

// backAfter is the longest time from the end of a disturbance to new pictures on the wall.
const backAfter = 2 * time.Second

// TestDisturbedCameras disturbs three of fifteen cameras at the same time. The others must keep 99 % of their rate, and each
// disturbed camera must be back soon after the end of its disturbance.
func TestDisturbedCameras(t *testing.T) {
	const others, fps = 12, 15
	stream, answers := blinking(t, fps), newGate(t)
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
	p := launchYard(t, mixer.Size{W: 640, H: 360}, 25, urls)
	wall := newTally(t, p)
	await.Until(t, "all cameras are live and on the wall", func() bool {
		return notLive(p.yard()) == nil && wall.plays(len(cameras), time.Time{})
	})
	begun := time.Now()
	answers.shut()
	late.Hang()
	killed.Stop()
	cable.shut()
	for _, d := range []disturbance{ // the shortest first
		{"answer late", others, answers.open, await.Long(t, 6*time.Second, 30*time.Second)},
		{"server killed", others + 1, func() { killed.Start(t) }, await.Long(t, 7*time.Second, 40*time.Second)},
		{"cable pulled", others + 2, cable.open, await.Long(t, 8*time.Second, time.Minute)},
	} {
		t.Run(d.name, func(t *testing.T) {
			time.Sleep(time.Until(begun.Add(d.length)))
			d.finish(t, p, wall)
			wall.checkRate(t, others, fps, begun)
		})
	}
	info := p.yard()
	t.Logf("%d of %d ticks were late; %s", info.LateTicks, info.Ticks, loadAverage(t))
}

// disturbance is something that happens to a camera.
type disturbance struct {
	name   string
	camera int
	end    func() // ends the disturbance
	length time.Duration
}

// finish ends the disturbance and waits until the camera is back.
func (d disturbance) finish(t *testing.T, p *process, wall *tally) {
	t.Helper()
	name := cameraName(d.camera)
	if state := p.yard().Participants[d.camera].State; state == mixer.Live {
		t.Errorf("%s is live during the disturbance", name)
	}
	d.end()
	ended := time.Now()
	await.Until(t, "the camera is back", func() bool { return len(wall.since(name, ended)) >= 3 })
	back := wall.since(name, ended)[2].Sub(ended)
	t.Logf("back after %v", back)
	if back > backAfter {
		t.Errorf("the camera is back after %v, want %v at most", back, backAfter)
	}
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
	c := &cable{target: u.Host, listener: l}
	u.Host = l.Addr().String()
	c.url = u.String()
	c.work.Go(c.accept)
	t.Cleanup(func() {
		_ = l.Close() // no connection waits
		c.work.Wait()
	})
	c.gate = newGate(t) // opens before the cleanup above waits
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
