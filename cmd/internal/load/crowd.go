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

// Crowd is a number of clients that run at the same time. One goroutine must own a Crowd and call Close at the end.
type Crowd struct {
	log    *slog.Logger
	token  string
	guests []*Guest
}

// Guest is one client of a crowd.
type Guest struct {
	*client.Client
	cancel context.CancelFunc // stops playing the clip; nil for a guest that publishes nothing
	played chan struct{}      // closed when playing has stopped; nil for a guest that publishes nothing
}

// NewCrowd makes a crowd without guests. All guests that join later present token, which may be empty.
func NewCrowd(token string, log *slog.Logger) *Crowd { return &Crowd{token: token, log: log} }

// Publish joins a guest that plays c in a loop until Leave or Close. Publish returns when the peer connection is established.
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

// View joins a guest that receives video and audio until Leave or Close. View returns when the peer connection is
// established. cfg has the guest's selection and callbacks. View sets the other fields of cfg.
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

// Leave disconnects g and waits until its clip has stopped playing.
func (w *Crowd) Leave(g *Guest) {
	w.guests = slices.DeleteFunc(w.guests, func(other *Guest) bool { return other == g })
	if g.played != nil {
		g.cancel()
		<-g.played
	}
	if err := g.Close(); err != nil {
		w.log.Debug("client not closed well", "error", err)
	}
}

// Report writes the statistics of all guests as JSON.
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

// Wait waits for d, or until ctx ends.
func Wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Seconds converts a flag's number of seconds to a duration.
func Seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
