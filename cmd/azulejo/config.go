package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"azulejo/mixer"
	"azulejo/recorder"
	"azulejo/recorder/store"
	"azulejo/signal/auth"
	"azulejo/signal/camera"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/turn"
)

// Config is the configuration of the server. Its fields have the keys of the configuration file. A running server never
// changes its Config.
type Config struct {
	Listen    string                `yaml:"listen"`
	TLS       TLSConfig             `yaml:"tls"`
	Data      string                `yaml:"data"`
	Auth      AuthConfig            `yaml:"auth"`
	WebRTC    peer.Config           `yaml:"webrtc"`
	Turn      TurnConfig            `yaml:"turn"`
	Mix       MixConfig             `yaml:"mix"`
	Store     StoreConfig           `yaml:"store"`
	Recording RecordingConfig       `yaml:"recording"`
	Rooms     map[string]RoomConfig `yaml:"rooms"`
	Limits    LimitsConfig          `yaml:"limits"`
}

// TLSConfig has the names of the PEM files for HTTPS. Both are set, or both are empty: then the server speaks plain HTTP.
type TLSConfig struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// AuthConfig says which clients are admitted.
type AuthConfig struct {
	Mode      string   `yaml:"mode"`
	Secret    Secret   `yaml:"secret"`
	AllowOpen bool     `yaml:"allow_open"` // true: Listen may be any address, although clients need no token
	Origins   []string `yaml:"origins"`
}

// MixConfig has the defaults of views and the settings of their encoders. For units see mixer.Config.
type MixConfig struct {
	Width   int      `yaml:"width"`
	Height  int      `yaml:"height"`
	FPS     int      `yaml:"fps"`
	Bitrate int      `yaml:"bitrate"`
	Quality int      `yaml:"quality"`
	Preset  string   `yaml:"preset"`
	Labels  bool     `yaml:"labels"`
	Clock   bool     `yaml:"clock"`
	Rungs   []string `yaml:"rungs"`
}

// StoreConfig says where footage is stored.
type StoreConfig struct {
	Kind string         `yaml:"kind"`
	S3   store.S3Config `yaml:"s3"`
}

// RecordingConfig says how footage is cut into segments and how long it is kept.
type RecordingConfig struct {
	Segment    time.Duration `yaml:"segment"`
	Part       time.Duration `yaml:"part"`
	SpoolLimit Size          `yaml:"spool_limit"`
	WhenFull   string        `yaml:"when_full"`
	KeepFor    time.Duration `yaml:"keep_for"`
	KeepBytes  Size          `yaml:"keep_bytes"`
}

// RoomConfig is a room that the server opens at its start.
type RoomConfig struct {
	Mode    string                `yaml:"mode"`
	Cameras []CameraConfig        `yaml:"cameras"`
	Views   map[string]ViewConfig `yaml:"views"`
	Record  []string              `yaml:"record"`
}

// CameraConfig is a camera of a room.
type CameraConfig struct {
	Name      string `yaml:"name"`
	URL       string `yaml:"url"`
	SubURL    string `yaml:"sub_url"`
	Transport string `yaml:"transport"`
	Audio     bool   `yaml:"audio"`
}

// setDefaults sets the values of the keys that the file leaves out.
func (c *CameraConfig) setDefaults() { c.Audio, c.Transport = true, "tcp" }

func (c CameraConfig) camera(room string) camera.Config {
	return camera.Config{Room: room, Name: c.Name, URL: c.URL, SubURL: c.SubURL, Transport: c.Transport, Audio: c.Audio}
}

// ViewConfig is a named view of a room. For its fields see mixer.View.
type ViewConfig struct {
	Layout    mixer.LayoutKind `yaml:"layout"`
	Spotlight string           `yaml:"spotlight"`
	Exclude   []string         `yaml:"exclude"`
	Tiles     []mixer.Fraction `yaml:"tiles"`
	Width     int              `yaml:"w"`
	Height    int              `yaml:"h"`
	FPS       int              `yaml:"fps"`
	Capacity  int              `yaml:"capacity"`
	Page      int              `yaml:"page"`
	Cycle     Seconds          `yaml:"cycle"`
	Fill      bool             `yaml:"fill"`
	Labels    bool             `yaml:"labels"` // false: the view shows no names, even if mix.labels is true
}

// setDefaults sets the values of the keys that the file leaves out.
func (c *ViewConfig) setDefaults() { c.Labels = true }

func (c ViewConfig) view() mixer.View {
	return mixer.View{
		Layout: c.Layout, Spotlight: c.Spotlight, Exclude: c.Exclude, Tiles: c.Tiles, Width: c.Width, Height: c.Height,
		FPS: c.FPS, Capacity: c.Capacity, Page: c.Page, Cycle: int(c.Cycle), Fill: c.Fill, NoLabels: !c.Labels,
	}
}

// LimitsConfig limits the resources that clients can use. SourcePixels limits the pixels in one frame of a source. The rates
// are per client address.
type LimitsConfig struct {
	Rooms        int `yaml:"rooms"`
	Participants int `yaml:"participants"`
	Viewers      int `yaml:"viewers"`
	SourcePixels int `yaml:"source_pixels"`

	JoinsPerMinute    int `yaml:"joins_per_minute"`
	FailuresPerMinute int `yaml:"failures_per_minute"`
}

// defaultConfig returns the configuration of an empty file.
func defaultConfig() Config {
	return Config{
		Listen: "127.0.0.1:8080",
		Data:   "./data",
		Auth:   AuthConfig{Mode: auth.ModeNone},
		WebRTC: peer.Config{UDP: ":8189", TCP: ":8189"},
		Turn:   TurnConfig{Realm: "azulejo", RelayPorts: turn.DefaultRelayPorts, Lifetime: turn.DefaultLifetime, Bitrate: turn.DefaultBitrate},
		Mix: MixConfig{
			Width: 1280, Height: 720, FPS: 25, Quality: 26, Preset: "superfast", Labels: true,
			Rungs: []string{"720p", "360p", "180p"},
		},
		Store:     StoreConfig{Kind: "dir", S3: store.S3Config{PathStyle: true, Checksum: "auto"}},
		Recording: RecordingConfig{Segment: 4 * time.Second, Part: time.Second, SpoolLimit: 10 << 30, WhenFull: "stop"},
		Limits: LimitsConfig{
			Rooms: 100, Participants: 64, Viewers: 1000, SourcePixels: 8_294_400,
			JoinsPerMinute: auth.DefaultJoins, FailuresPerMinute: auth.DefaultFailures,
		},
	}
}

// Validate returns an error that names the first bad key, its value and the accepted values.
func (c Config) Validate() error {
	checks := []func() error{
		c.validateListen, c.guard().Validate, c.WebRTC.Validate, c.validateTurn, c.validateMix, c.validateStore, c.validateRecording,
		c.registry().Validate, c.validateRooms, c.validateSupported,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) validateListen() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %q: accepted is host:port or :port", c.Listen)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return fmt.Errorf("tls: cert is %q and key is %q: accepted are both or neither", c.TLS.Cert, c.TLS.Key)
	}
	open := c.Auth.Mode != auth.ModeToken
	if ip := net.ParseIP(host); open && !c.Auth.AllowOpen && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("listen: %q: without tokens only loopback addresses are accepted; auth.mode: token asks for them, auth.allow_open: true lets everybody in", c.Listen)
	}
	return nil
}

func (c Config) validateMix() error {
	presets := []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium"}
	if !slices.Contains(presets, c.Mix.Preset) {
		return fmt.Errorf("mix.preset: %q: accepted are %s", c.Mix.Preset, strings.Join(presets, ", "))
	}
	if len(c.Mix.Rungs) == 0 {
		return errors.New("mix.rungs: []: accepted is one at least, such as 720p")
	}
	return c.mixer().WithDefaults().Validate()
}

func (c Config) validateStore() error {
	switch c.Store.Kind {
	case "dir":
		return nil
	case "s3":
		if err := c.Store.S3.Validate(); err != nil {
			return fmt.Errorf("store.s3.%w", err)
		}
		return nil
	}
	return fmt.Errorf("store.kind: %q: accepted are dir, s3", c.Store.Kind)
}

func (c Config) validateRecording() error {
	if c.Recording.Segment%time.Second != 0 {
		return fmt.Errorf("recording.segment: %v: accepted are whole seconds", c.Recording.Segment)
	}
	return c.recorder().Validate()
}

func (c Config) validateRooms() error {
	for name, r := range c.Rooms {
		seen := map[string]bool{}
		for _, cam := range r.Cameras {
			key := fmt.Sprintf("rooms.%s.cameras", name)
			if cam.Name == "" || seen[cam.Name] {
				return fmt.Errorf("%s: name %q: accepted are names that are not empty and not taken in the room", key, cam.Name)
			}
			seen[cam.Name] = true
			if err := cam.validate(name); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

func (c CameraConfig) validate(room string) error {
	main, sub := c.camera(room), c.camera(room)
	main.SubURL = ""
	if err := main.Validate(); err != nil {
		return err
	}
	sub.URL, sub.SubURL = sub.SubURL, ""
	if sub.URL != "" {
		if err := sub.Validate(); err != nil {
			return fmt.Errorf("sub_url of %w", err)
		}
	}
	if c.Transport != "tcp" && c.Transport != "udp" {
		return fmt.Errorf("camera %s: transport %q: accepted are tcp, udp", c.Name, c.Transport)
	}
	return nil
}

// validateSupported returns an error if a key has a value that this version does not implement.
func (c Config) validateSupported() error {
	switch {
	case c.Recording.KeepFor != 0 || c.Recording.KeepBytes != 0:
		return fmt.Errorf("recording: keep_for %v, keep_bytes %v: this version keeps everything; accepted is 0", c.Recording.KeepFor, c.Recording.KeepBytes)
	case c.Recording.SpoolLimit != defaultConfig().Recording.SpoolLimit:
		return fmt.Errorf("recording.spool_limit: %v: this version does not limit the spool; accepted is to leave it out", c.Recording.SpoolLimit)
	case c.Recording.WhenFull != "stop":
		return fmt.Errorf("recording.when_full: %q: accepted is stop", c.Recording.WhenFull)
	}
	return nil
}

func (c Config) mixer() mixer.Config {
	return mixer.Config{
		Width: c.Mix.Width, Height: c.Mix.Height, FPS: c.Mix.FPS, Bitrate: c.Mix.Bitrate, Quality: c.Mix.Quality, Preset: c.Mix.Preset,
		Rungs: c.Mix.Rungs, Labels: c.Mix.Labels, Clock: c.Mix.Clock, GOP: c.Recording.Segment, MaxPixels: c.Limits.SourcePixels,
	}
}

func (c Config) guard() auth.Config {
	return auth.Config{
		Mode: c.Auth.Mode, Secret: auth.Secret(c.Auth.Secret), Origins: c.Auth.Origins,
		Local:          c.Auth.Mode != auth.ModeToken && !c.Auth.AllowOpen,
		JoinsPerMinute: c.Limits.JoinsPerMinute, FailuresPerMinute: c.Limits.FailuresPerMinute,
	}
}

func (c Config) registry() room.Config {
	rooms := map[string]room.Settings{}
	for name, r := range c.Rooms {
		rooms[name] = r.settings()
	}
	return room.Config{
		Engine: startEngine,
		Mixer:  c.mixer(),
		Limits: room.Limits{Rooms: c.Limits.Rooms, Participants: c.Limits.Participants, Viewers: c.Limits.Viewers},
		Rooms:  rooms,
	}
}

func (r RoomConfig) settings() room.Settings {
	s := room.Settings{Mode: room.Mode(r.Mode), Views: map[string]mixer.View{}, Record: r.Record}
	for _, cam := range r.Cameras {
		s.Cameras = append(s.Cameras, cam.Name)
	}
	for name, v := range r.Views {
		s.Views[name] = v.view()
	}
	return s
}

func (c Config) recorder() recorder.Config {
	return recorder.Config{Dir: c.Data + "/spool", Segment: c.Recording.Segment, Part: c.Recording.Part}
}
