package mixer

import "time"

// State says what a source shows.
type State string

// The states of a source.
const (
	Connecting   State = "connecting" // no picture yet
	Live         State = "live"
	Muted        State = "muted"        // the participant switched the picture off
	Lost         State = "lost"         // no picture for longer than 2.5 s
	Reconnecting State = "reconnecting" // the connection broke; its place is kept for a while
	Unusable     State = "unusable"     // pictures come, but none that can be shown
)

// Demand is what a room makes of a source's picture.
type Demand struct {
	Width, Height int // of the largest tile that shows it, in pixels; zero: nobody sees it now
	Layer         int // that is decoded, or would be
}

// SourceStats is a snapshot of a source.
type SourceStats struct {
	Source     SourceID      `json:"-"`
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	State      State         `json:"state"`
	Age        time.Duration `json:"-"` // of the newest picture
	VideoCodec Codec         `json:"videoCodec,omitempty"`
	Width      int           `json:"w"`
	Height     int           `json:"h"`
	FPS        float64       `json:"fps"`
	Bitrate    int           `json:"bitrate"` // picture, bits a second
	Layer      int           `json:"layer"`   // that is used
	Decoded    bool          `json:"decoded"` // somebody sees or records the picture
	AudioCodec Codec         `json:"audioCodec,omitempty"`
	Level      float64       `json:"level"` // dBFS
	Speaking   bool          `json:"speaking"`
	Dropped    uint64        `json:"dropped"` // packets of the picture that could not be decoded
	Invalid    uint64        `json:"invalid"` // packets that were no picture or no sound
	// Repeated counts pictures that were never decoded, because they were known to look like the one before and
	// nothing up to the next IDR picture needed them.
	Repeated uint64 `json:"repeated"`
}
