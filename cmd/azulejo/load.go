package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"azulejo/mixer"
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
	Token   string  `help:"Token, where the server wants one." env:"AZULEJO_TOKEN"`
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
	crowd.token = l.Token
	defer crowd.close()
	for i := range l.Count {
		if _, err := crowd.publish(ctx, l.URL, l.Room, fmt.Sprintf("load %d", i+1), clip); err != nil {
			return err
		}
	}
	rest(ctx, time.Duration(l.Seconds*float64(time.Second)))
	return crowd.report(os.Stdout)
}

type loadViewCmd struct {
	loadTarget
	viewing
}

// viewing says what a viewer asks for; empty is the room's main view on its largest rung.
type viewing struct {
	View      string `help:"A named view of the room."`
	Spotlight string `help:"Who is shown large, by id or name."`
	Rung      string `help:"Size of the picture, such as 360p."`
}

func (l *loadViewCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := l.check(); err != nil {
		return err
	}
	crowd := newCrowd(log)
	crowd.token = l.Token
	defer crowd.close()
	for range l.Count {
		if _, err := crowd.view(ctx, l.URL, l.Room, l.viewing, ears{}); err != nil {
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

// crowd is a number of clients that run side by side. One goroutine owns it.
type crowd struct {
	log    *slog.Logger
	token  string // of all of them; may be empty
	guests []*guest
}

// guest is one client of a crowd.
type guest struct {
	*client.Client
	stop   context.CancelFunc // of what it plays
	played chan struct{}      // closed when that has ended; nil for one that publishes nothing
}

func newCrowd(log *slog.Logger) *crowd { return &crowd{log: log} }

// publish joins a client that plays c in a loop until it leaves.
func (w *crowd) publish(ctx context.Context, url, room, name string, c *clip) (*guest, error) {
	g, err := w.join(ctx, client.Config{URL: url, Room: room, Name: name, PublishVideo: c.id})
	if err != nil {
		return nil, err
	}
	playing, stop := context.WithCancel(context.Background())
	g.stop, g.played = stop, make(chan struct{})
	go func() {
		defer close(g.played)
		if err := client.Play(playing, client.Loop(c.packets, c.length), g.SendVideo); err != nil && playing.Err() == nil {
			w.log.Error("playing ended", "name", name, "error", err)
		}
	}()
	return g, nil
}

// view joins a client that receives picture and sound until it leaves. What take has of callbacks may be nil.
func (w *crowd) view(ctx context.Context, url, room string, what viewing, take ears) (*guest, error) {
	return w.join(ctx, client.Config{
		URL: url, Room: room, View: true, Select: client.Selection{View: what.View, Spotlight: what.Spotlight, Rung: what.Rung},
		OnVideo: take.video, OnOverload: take.overload,
	})
}

// ears are told what a viewer receives.
type ears struct {
	video    func(mixer.Packet)
	overload func(level int)
}

func (w *crowd) join(ctx context.Context, cfg client.Config) (*guest, error) {
	cfg.Log, cfg.Token = w.log, w.token
	cl, err := client.Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	g := &guest{Client: cl}
	w.guests = append(w.guests, g)
	return g, nil
}

// leave ends one guest.
func (w *crowd) leave(g *guest) {
	w.guests = slices.DeleteFunc(w.guests, func(o *guest) bool { return o == g })
	if g.played != nil {
		g.stop()
		<-g.played
	}
	if err := g.Close(); err != nil {
		w.log.Debug("client not closed well", "error", err)
	}
}

// report prints what every client sent and received.
func (w *crowd) report(out io.Writer) error {
	stats := make([]client.Stats, len(w.guests))
	for i, g := range w.guests {
		stats[i] = g.Stats()
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"clients": stats})
}

func (w *crowd) close() {
	for len(w.guests) > 0 {
		w.leave(w.guests[0])
	}
}
