package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"azulejo/cmd/internal/cli"
	"azulejo/cmd/internal/load"
	"azulejo/signal/client"
)

// loadCmd has the commands that load a server with clients.
type loadCmd struct {
	Publish loadPublishCmd `cmd:"" help:"Publish a file's picture, as many times as wanted; prints what was sent as JSON."`
	View    loadViewCmd    `cmd:"" help:"View a room, as many times as wanted; prints what was received as JSON."`
	Bench   loadBenchCmd   `cmd:"" passthrough:"" help:"Is a program of its own: scripts/bench measures a server against ffmpeg."`
}

// loadBenchCmd is a former command, which scripts/bench replaces.
type loadBenchCmd struct {
	Args []string `arg:"" optional:""`
}

// Run returns an error that names scripts/bench.
func (loadBenchCmd) Run() error {
	return cli.Usage(errors.New("load bench: it is a program of its own: run scripts/bench with the same arguments"))
}

// loadTarget has the flags that the commands publish and view share: the room that the clients join, the number of clients,
// and how long they stay.
type loadTarget struct {
	URL     string  `default:"ws://127.0.0.1:8080/ws" help:"WebSocket of the server."`
	Room    string  `default:"load" help:"Room."`
	Count   int     `default:"1" help:"How many clients, 1 to 64."`
	Seconds float64 `default:"10" help:"How long."`
	Token   string  `help:"Token, where the server wants one." env:"AZULEJO_TOKEN"`
}

func (t loadTarget) check() error {
	if t.Count < 1 || t.Count > 64 {
		return cli.Usage(fmt.Errorf("--count: %d: accepted are 1 to 64", t.Count))
	}
	if t.Seconds < 0.1 || t.Seconds > 86400 {
		return cli.Usage(fmt.Errorf("--seconds: %g: accepted are 0.1 to 86400", t.Seconds))
	}
	return nil
}

// loadPublishCmd joins clients that publish the video of a file.
type loadPublishCmd struct {
	loadTarget
	File string `arg:"" help:"Media file with H.264 or VP8 without B-frames." type:"existingfile"`
}

func (l *loadPublishCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := l.check(); err != nil {
		return err
	}
	clip, err := load.ReadClip(l.File)
	if err != nil {
		return err
	}
	return l.run(ctx, log, func(crowd *load.Crowd, n int) error {
		_, err := crowd.Publish(ctx, l.URL, l.Room, fmt.Sprintf("load %d", n), clip)
		return err
	})
}

// loadViewCmd joins clients that view a room.
type loadViewCmd struct {
	loadTarget
	View      string `help:"A named view of the room."`
	Spotlight string `help:"Who is shown large, by id or name."`
	Rung      string `help:"Size of the picture, such as 360p."`
}

func (l *loadViewCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := l.check(); err != nil {
		return err
	}
	selection := client.Selection{View: l.View, Spotlight: l.Spotlight, Rung: l.Rung}
	return l.run(ctx, log, func(crowd *load.Crowd, _ int) error {
		_, err := crowd.View(ctx, l.URL, l.Room, client.Config{Select: selection})
		return err
	})
}

// run calls join once for each client, with n from 1 to t.Count. Then it waits for t.Seconds and prints the statistics of all
// clients as JSON.
func (t loadTarget) run(ctx context.Context, log *slog.Logger, join func(crowd *load.Crowd, n int) error) error {
	crowd := load.NewCrowd(t.Token, log)
	defer crowd.Close()
	for i := range t.Count {
		if err := join(crowd, i+1); err != nil {
			return err
		}
	}
	load.Wait(ctx, load.Seconds(t.Seconds))
	return crowd.Report(os.Stdout)
}
