package mixer

import "time"

// State is the state of a source, which decides whether its tile shows video or a placeholder.
type State string

// The states of a source.
const (
	Connecting   State = "connecting"   // no frame has come yet
	Live         State = "live"         // the tile shows video
	Muted        State = "muted"        // the participant muted the video
	Lost         State = "lost"         // no frame has come for longer than 2.5 s
	Reconnecting State = "reconnecting" // the connection broke; the tile is kept for the grace period
	Unusable     State = "unusable"     // frames arrive, but they cannot be drawn
)

// Demand says how large the tiles of a source's video are, and which layer the engine uses for them.
type Demand struct {
	Width, Height int // of the largest tile that shows the video, in pixels; zero: no tile shows it
	Layer         int // the layer that the engine decodes, or would decode if a tile showed the video
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
	Layer      int           `json:"layer"`   // the layer that the engine uses
	Decoded    bool          `json:"decoded"` // false while nobody sees or records the video, so that it is not decoded
	AudioCodec Codec         `json:"audioCodec,omitempty"`
	Level      float64       `json:"level"` // dBFS
	Speaking   bool          `json:"speaking"`
	Dropped    uint64        `json:"dropped"` // video packets that were not decoded, after a loss or an overflow
	Invalid    uint64        `json:"invalid"` // packets that are not valid, and audio packets that were dropped because the queue was full
	// Repeated counts repeats that were never decoded: frames that copy the frame before them, and that no frame up to the
	// next IDR frame refers to.
	Repeated uint64 `json:"repeated"`
}
