package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"azulejo/codec"
	"azulejo/signal/client"
)

// loadCmd are the clients that load a server and measure it.
type loadCmd struct {
	Publish loadPublishCmd `cmd:"" help:"Publish a file's picture, as many times as wanted; prints what was sent as JSON."`
	View    loadViewCmd    `cmd:"" help:"View a room, as many times as wanted; prints what was received as JSON."`
	Bench   benchCmd       `cmd:"" help:"Measure a server's CPU against ffmpeg doing the same job; prints a table and JSON."`
}

// loadTarget is where load clients go and for how long.
type loadTarget struct {
	URL     string  `default:"ws://127.0.0.1:8080/ws" help:"WebSocket of the server."`
	Room    string  `default:"load" help:"Room."`
	Count   int     `default:"1" help:"How many clients, 1 to 64."`
	Seconds float64 `default:"10" help:"How long."`
}

func (t loadTarget) check() error {
	if t.Count < 1 || t.Count > 64 {
		return usageError{fmt.Errorf("--count: %d: accepted are 1 to 64", t.Count)}
	}
	if t.Seconds < 0.1 || t.Seconds > 86400 {
		return usageError{fmt.Errorf("--seconds: %g: accepted are 0.1 to 86400", t.Seconds)}
	}
	return nil
}

type loadPublishCmd struct {
	loadTarget
	File string `arg:"" help:"Media file with H.264 or VP8 without B-frames." type:"existingfile"`
}

func (l *loadPublishCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := l.check(); err != nil {
		return err
	}
	clip, err := readClip(l.File)
	if err != nil {
		return err
	}
	crowd := newCrowd(log)
	defer crowd.close()
	for i := range l.Count {
		if err := crowd.publish(ctx, l.URL, l.Room, fmt.Sprintf("load %d", i+1), clip); err != nil {
			return err
		}
	}
	rest(ctx, time.Duration(l.Seconds*float64(time.Second)))
	return crowd.report(os.Stdout)
}

type loadViewCmd struct {
	loadTarget
}

func (l *loadViewCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := l.check(); err != nil {
		return err
	}
	crowd := newCrowd(log)
	defer crowd.close()
	for range l.Count {
		if err := crowd.view(ctx, l.URL, l.Room); err != nil {
			return err
		}
	}
	rest(ctx, time.Duration(l.Seconds*float64(time.Second)))
	return crowd.report(os.Stdout)
}

// rest waits for d or for the end of ctx, whichever comes first.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// clip is the picture track of a file, whole in memory, so that reading costs nothing while it plays.
type clip struct {
	id      codec.ID
	packets []codec.Packet
	length  time.Duration
}

func readClip(name string) (*clip, error) {
	f, err := codec.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &clip{}
	if c.id, _ = f.Codecs(); c.id != codec.H264 && c.id != codec.VP8 {
		return nil, fmt.Errorf("%s: picture format %q: accepted are h264, vp8", name, c.id)
	}
	for {
		p, err := f.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if p.Codec != c.id {
			continue
		}
		if n := len(c.packets); n > 0 && p.PTS <= c.packets[n-1].PTS {
			return nil, fmt.Errorf("%s: pictures are out of order (B-frames): real-time clients do not send such", name)
		}
		c.packets = append(c.packets, p)
	}
	if len(c.packets) < 2 {
		return nil, fmt.Errorf("%s: %d pictures: at least two are needed", name, len(c.packets))
	}
	last := c.packets[len(c.packets)-1]
	c.length = last.PTS + last.PTS/time.Duration(len(c.packets)-1)
	return c, nil
}

// crowd is a number of clients that run side by side.
type crowd struct {
	log     *slog.Logger
	stop    context.CancelFunc
	ctx     context.Context
	clients []*client.Client
	players []chan struct{}
}

func newCrowd(log *slog.Logger) *crowd {
	ctx, stop := context.WithCancel(context.Background())
	return &crowd{log: log, ctx: ctx, stop: stop}
}

// publish joins a client that plays c in a loop until close.
func (w *crowd) publish(ctx context.Context, url, room, name string, c *clip) error {
	cl, err := client.Dial(ctx, client.Config{URL: url, Room: room, Name: name, PublishVideo: c.id, Log: w.log})
	if err != nil {
		return err
	}
	w.clients = append(w.clients, cl)
	done := make(chan struct{})
	w.players = append(w.players, done)
	go func() {
		defer close(done)
		if err := client.Play(w.ctx, client.Loop(c.packets, c.length), cl.PutVideo); err != nil && w.ctx.Err() == nil {
			w.log.Error("playing ended", "name", name, "error", err)
		}
	}()
	return nil
}

// view joins a client that receives picture and sound until close.
func (w *crowd) view(ctx context.Context, url, room string) error {
	cl, err := client.Dial(ctx, client.Config{URL: url, Room: room, View: true, Log: w.log})
	if err != nil {
		return err
	}
	w.clients = append(w.clients, cl)
	return nil
}

// report prints what every client sent and received.
func (w *crowd) report(out io.Writer) error {
	stats := make([]client.Stats, len(w.clients))
	for i, c := range w.clients {
		stats[i] = c.Stats()
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"clients": stats})
}

func (w *crowd) close() {
	w.stop()
	for _, done := range w.players {
		<-done
	}
	for _, c := range w.clients {
		if err := c.Close(); err != nil {
			w.log.Debug("client not closed well", "error", err)
		}
	}
}
