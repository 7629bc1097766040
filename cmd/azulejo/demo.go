package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"azulejo/cmd/internal/cli"
	"azulejo/signal/camera"
)

// demoRoom is the name of the room in azulejo demo.
const demoRoom = "demo"

// demoNames are the names of the synthetic cameras, in order.
var demoNames = []string{"Gate", "Courtyard", "정문", "Harbour", "Loading dock", "Stairs", "Garage", "Jardim", "Kitchen"}

// demoTones are the frequencies of the cameras' tones in Hz, in the same order. All of them belong to one pentatonic scale,
// so any of them sound well together.
var demoTones = []float64{220, 261.63, 329.63, 392, 440, 523.25, 659.25, 784, 880}

// demoCmd runs a server with a room of synthetic cameras, records the room and prints the addresses of the pages.
type demoCmd struct {
	Cameras int    `default:"4" help:"How many synthetic cameras, 1 to 36."`
	Listen  string `help:"Address of the HTTP server (127.0.0.1:8080)."`
	Data    string `help:"Folder for footage (./data)."`
}

func (d *demoCmd) Run(ctx context.Context, log *slog.Logger, env environment) error {
	if d.Cameras < 1 || d.Cameras > 36 {
		return cli.Usage(fmt.Errorf("--cameras: %d: accepted are 1 to 36", d.Cameras))
	}
	cfg, err := loadConfig("", env, overrides("listen", d.Listen, "data", d.Data))
	if err != nil {
		return cli.Usage(err)
	}
	cfg.Rooms = map[string]RoomConfig{demoRoom: {Cameras: demoCameras(d.Cameras), Record: []string{"main"}}}
	s, err := newServer(cfg, log)
	if err != nil {
		return err
	}
	base := "http://" + shownAddress(s.listener.Addr())
	fmt.Printf("\n  the wall       %s/wall/%s\n  join it        %s/join/%s\n  the footage    %s/footage/%s\n\n",
		base, demoRoom, base, demoRoom, base, demoRoom)
	return s.Run(ctx)
}

// demoCameras returns n synthetic cameras. After nine cameras the names and tones repeat: camera 10 is "Gate 2", and its
// tone has twice the frequency of camera 1.
func demoCameras(n int) []CameraConfig {
	all := make([]CameraConfig, n)
	for i := range all {
		name := demoNames[i%len(demoNames)]
		if repeats := i / len(demoNames); repeats > 0 {
			name = fmt.Sprintf("%s %d", name, repeats+1)
		}
		tone := demoTones[i%len(demoTones)] * float64(1+i/len(demoTones))
		all[i] = CameraConfig{
			Name: name, Audio: AudioMode(camera.AudioTrue), Transport: camera.TransportAuto,
			URL: fmt.Sprintf("test:?w=640&h=360&fps=15&tone=%g&hue=%d", tone, (215+i*53)%360),
		}
	}
	return all
}

// shownAddress returns the host and port at which a browser on this machine reaches a listener on the address a. The host is
// localhost if a is a loopback address or unspecified, such as 0.0.0.0.
func shownAddress(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() && !ip.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("localhost", port)
}
