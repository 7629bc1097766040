package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"azulejo/mixer"
	"azulejo/recorder"
	"azulejo/recorder/store"
	"azulejo/signal/auth"
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

// Validate returns an error with a line for each bad value. The line starts with the path of the key, and names the value and
// what is accepted.
func (c Config) Validate() error {
	return errors.Join(
		c.validateListen(), c.guard().Validate(), c.WebRTC.Validate(), c.validateTurn(), c.validateMix(), c.validateStore(),
		c.validateRecording(), c.registry().Validate(), c.validateRooms(), c.validateSupported(),
	)
}

func (c Config) validateListen() error {
	var errs []error
	host, _, err := net.SplitHostPort(c.Listen)
	ip := net.ParseIP(host)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("listen: %q: accepted is host:port or :port", c.Listen))
	case c.Auth.Mode != auth.ModeToken && !c.Auth.AllowOpen && host != "localhost" && (ip == nil || !ip.IsLoopback()):
		errs = append(errs, fmt.Errorf("listen: %q: without tokens only loopback addresses are accepted; auth.mode: token asks for them, auth.allow_open: true lets everybody in", c.Listen))
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		errs = append(errs, fmt.Errorf("tls: cert is %q and key is %q: accepted are both or neither", c.TLS.Cert, c.TLS.Key))
	}
	if c.Data == "" {
		errs = append(errs, errors.New(`data: "": accepted is a folder, such as ./data`))
	}
	return errors.Join(errs...)
}

func (c Config) validateMix() error {
	var errs []error
	presets := []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium"}
	if !slices.Contains(presets, c.Mix.Preset) {
		errs = append(errs, fmt.Errorf("mix.preset: %q: accepted are %s", c.Mix.Preset, strings.Join(presets, ", ")))
	}
	if len(c.Mix.Rungs) == 0 {
		errs = append(errs, errors.New("mix.rungs: []: accepted is one at least, such as 720p"))
	}
	return errors.Join(append(errs, c.mixer().WithDefaults().Validate())...)
}

func (c Config) validateStore() error {
	switch c.Store.Kind {
	case "dir":
		return nil
	case "s3":
		return prefixLines("store.s3.", c.Store.S3.Validate())
	}
	return fmt.Errorf("store.kind: %q: accepted are dir, s3", c.Store.Kind)
}

func (c Config) validateRecording() error {
	var err error
	if c.Recording.Segment%time.Second != 0 {
		err = fmt.Errorf("recording.segment: %v: accepted are whole seconds", c.Recording.Segment)
	}
	return errors.Join(err, prefixLines("recording.", c.recorder().Validate()))
}

func (c Config) validateRooms() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(c.Rooms)) {
		seen := map[string]bool{}
		for i, cam := range c.Rooms[name].Cameras {
			key := fmt.Sprintf("rooms.%s.cameras[%d].", name, i)
			errs = append(errs, prefixLines(key, cam.validate(name)))
			if seen[cam.Name] {
				errs = append(errs, fmt.Errorf("%sname: %q: the room has a camera of this name; accepted is another name", key, cam.Name))
			}
			seen[cam.Name] = true
		}
	}
	return errors.Join(errs...)
}

// validateSupported returns an error for each key that has a value which this version does not implement.
func (c Config) validateSupported() error {
	var errs []error
	r, defaults := c.Recording, defaultConfig().Recording
	if r.KeepFor != 0 {
		errs = append(errs, fmt.Errorf("recording.keep_for: %v: this version keeps everything; accepted is 0", r.KeepFor))
	}
	if r.KeepBytes != 0 {
		errs = append(errs, fmt.Errorf("recording.keep_bytes: %v: this version keeps everything; accepted is 0", r.KeepBytes))
	}
	if r.SpoolLimit != defaults.SpoolLimit {
		errs = append(errs, fmt.Errorf("recording.spool_limit: %v: this version does not limit the spool; accepted is to leave it out", r.SpoolLimit))
	}
	if r.WhenFull != defaults.WhenFull {
		errs = append(errs, fmt.Errorf("recording.when_full: %q: accepted is stop", r.WhenFull))
	}
	return errors.Join(errs...)
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
