package mixer

import "time"

// State says why a tile shows video or a placeholder.
type State string

// The states of a source.
const (
	Connecting   State = "connecting" // no frame yet
	Live         State = "live"
	Muted        State = "muted"        // the participant muted the video
	Lost         State = "lost"         // no frame for longer than 2.5 s
	Reconnecting State = "reconnecting" // the connection broke; the tile is kept for the grace period
	Unusable     State = "unusable"     // frames arrive, but they cannot be shown
)

// Demand is how large a room shows a source's video.
type Demand struct {
	Width, Height int // of the largest tile that shows it, in pixels; zero: no tile shows it
	Layer         int // that is decoded, or that would be decoded if a tile showed it
}

// SourceStats is a snapshot of a source.
type SourceStats struct {
	Source     SourceID      `json:"-"`
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	State      State         `json:"state"`
	Age        time.Duration `json:"-"` // of the newest frame
	VideoCodec Codec         `json:"videoCodec,omitempty"`
	Width      int           `json:"w"`
	Height     int           `json:"h"`
	FPS        float64       `json:"fps"`
	Bitrate    int           `json:"bitrate"` // of the video, in bits a second
	Layer      int           `json:"layer"`   // that is in use
	Decoded    bool          `json:"decoded"` // false if nobody sees or records the video
	AudioCodec Codec         `json:"audioCodec,omitempty"`
	Level      float64       `json:"level"` // dBFS
	Speaking   bool          `json:"speaking"`
	Dropped    uint64        `json:"dropped"` // video packets that were not decoded, after a loss or an overflow
	Invalid    uint64        `json:"invalid"` // packets that are not valid video or audio
	// Repeated counts frames that were never decoded: each looks like the frame before it, and no frame up to the next IDR
	// refers to it.
	Repeated uint64 `json:"repeated"`
}
