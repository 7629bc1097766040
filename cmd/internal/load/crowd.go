package load

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"time"

	"azulejo/signal/client"
)

// Crowd is a number of clients that run side by side. One goroutine owns it and calls Close.
type Crowd struct {
	log    *slog.Logger
	token  string
	guests []*Guest
}

// Guest is one client of a crowd.
type Guest struct {
	*client.Client
	cancel context.CancelFunc // stops the playing
	played chan struct{}      // closed when the playing has stopped; nil for a client that publishes nothing
}

// NewCrowd makes a crowd without clients. All of them present token, which may be empty.
func NewCrowd(token string, log *slog.Logger) *Crowd { return &Crowd{token: token, log: log} }

// Publish joins a client that plays c in a loop until it leaves. It returns when media can flow.
func (w *Crowd) Publish(ctx context.Context, url, room, name string, c *Clip) (*Guest, error) {
	g, err := w.join(ctx, client.Config{URL: url, Room: room, Name: name, PublishVideo: c.Codec})
	if err != nil {
		return nil, err
	}
	playing, cancel := context.WithCancel(context.Background())
	g.cancel, g.played = cancel, make(chan struct{})
	go func() {
		defer close(g.played)
		if err := client.Play(playing, client.Loop(c.Packets, c.Length), g.SendVideo); err != nil && playing.Err() == nil {
			w.log.Error("playing ended", "name", name, "error", err)
		}
	}()
	return g, nil
}

// View joins a client that receives video and audio until it leaves. It returns when media can flow. cfg has the
// selection and the callbacks; View sets the rest.
func (w *Crowd) View(ctx context.Context, url, room string, cfg client.Config) (*Guest, error) {
	cfg.URL, cfg.Room, cfg.View = url, room, true
	return w.join(ctx, cfg)
}

func (w *Crowd) join(ctx context.Context, cfg client.Config) (*Guest, error) {
	cfg.Log, cfg.Token = w.log, w.token
	cl, err := client.Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	g := &Guest{Client: cl}
	w.guests = append(w.guests, g)
	return g, nil
}

// Leave disconnects one guest and waits until it plays no more.
func (w *Crowd) Leave(g *Guest) {
	w.guests = slices.DeleteFunc(w.guests, func(o *Guest) bool { return o == g })
	if g.played != nil {
		g.cancel()
		<-g.played
	}
	if err := g.Close(); err != nil {
		w.log.Debug("client not closed well", "error", err)
	}
}

// Report writes the statistics of every client as JSON.
func (w *Crowd) Report(out io.Writer) error {
	stats := make([]client.Stats, len(w.guests))
	for i, g := range w.guests {
		stats[i] = g.Stats()
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"clients": stats})
}

// Close disconnects all guests.
func (w *Crowd) Close() {
	for len(w.guests) > 0 {
		w.Leave(w.guests[0])
	}
}

// Wait returns after d, or earlier when ctx ends.
func Wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Seconds is a duration from a flag in seconds.
func Seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
