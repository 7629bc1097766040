package camera

import "fmt"

// AudioMode says what happens to the audio of a camera.
type AudioMode string

// The modes of a camera's audio. The empty mode is AudioFalse.
const (
	AudioFalse AudioMode = "false" // pulled, and heard only where the camera is large
	AudioTrue  AudioMode = "true"  // pulled, and heard in the common mix too
	AudioNever AudioMode = "never" // not pulled
)

// pulled tells whether the audio track is set up.
func (m AudioMode) pulled() bool { return m != AudioNever }

// mixed tells whether the audio is part of the common mix.
func (m AudioMode) mixed() bool { return m == AudioTrue }

// validate returns an error that names what is accepted.
func (m AudioMode) validate() error {
	switch m {
	case "", AudioFalse, AudioTrue, AudioNever:
		return nil
	}
	return fmt.Errorf("audio: %q: accepted are false, true and never", string(m))
}
