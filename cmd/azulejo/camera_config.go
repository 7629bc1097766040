package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"azulejo/mixer"
	"azulejo/signal/camera"
)

// CameraConfig is a camera of a room. For its fields see camera.Config.
type CameraConfig struct {
	Name        string          `yaml:"name"`
	URL         string          `yaml:"url"`
	SubURL      string          `yaml:"sub_url"`
	Transport   string          `yaml:"transport"`
	Audio       AudioMode       `yaml:"audio"`
	FrozenAfter time.Duration   `yaml:"frozen_after"`
	TLS         CameraTLSConfig `yaml:"tls"`
}

// CameraTLSConfig says which certificates of a camera are trusted, see camera.TLSConfig.
type CameraTLSConfig struct {
	Fingerprint string `yaml:"fingerprint"`
	CA          string `yaml:"ca"`
	Insecure    bool   `yaml:"insecure"`
}

// AudioMode is a camera.AudioMode. In the configuration it is false, true or never.
type AudioMode camera.AudioMode

// UnmarshalYAML reads an AudioMode. It reads all forms of false and true in YAML.
func (m *AudioMode) UnmarshalYAML(n *yaml.Node) error {
	mode := AudioMode(strings.ToLower(n.Value))
	switch camera.AudioMode(mode) {
	case camera.AudioFalse, camera.AudioTrue, camera.AudioNever:
		*m = mode
		return nil
	}
	return errors.New("accepted are false, true and never")
}

// setDefaults sets the values of the keys that the file leaves out.
func (c *CameraConfig) setDefaults() {
	c.Audio, c.Transport = AudioMode(camera.AudioFalse), camera.TransportAuto
}

func (c CameraConfig) camera(room string) camera.Config {
	return camera.Config{
		Room: room, Name: c.Name, URL: c.URL, SubURL: c.SubURL, Transport: c.Transport,
		Audio: camera.AudioMode(c.Audio), FrozenAfter: c.FrozenAfter, TLS: camera.TLSConfig(c.TLS),
	}
}

// validate returns an error with a line for each bad value. The line starts with the key in the camera's section.
func (c CameraConfig) validate(room string) error {
	var errName, errFrozen error
	if err := mixer.CheckName(c.Name); err != nil {
		errName = fmt.Errorf("name: %w", err)
	}
	if c.FrozenAfter < 0 || c.FrozenAfter > 0 && c.FrozenAfter < time.Second {
		errFrozen = fmt.Errorf("frozen_after: %v: accepted are 1s and more, or 0s for never", c.FrozenAfter)
	}
	return errors.Join(errName, c.camera(room).Validate(), errFrozen)
}
