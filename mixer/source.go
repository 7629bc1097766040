package mixer

import "time"

// State is the state of a source. It decides whether the tile of the source shows video or a placeholder.
type State string

// The states of a source.
const (
	Connecting   State = "connecting"   // no video has come yet
	Live         State = "live"         // the tile shows video
	Muted        State = "muted"        // the participant muted the video
	Lost         State = "lost"         // no frame has come for a while; the tile shows the last one, marked as old, and later a placeholder
	Frozen       State = "frozen"       // frames come, but they have not changed for SourceSpec.FrozenAfter
	Reconnecting State = "reconnecting" // the connection broke; the tile is kept for the grace period
	Unusable     State = "unusable"     // video comes, but its frames cannot be drawn
)

// Demand says how large the tiles of a source's video are, and which layer the engine uses for them.
type Demand struct {
	Width, Height int // the greatest width and the greatest height of the tiles that show the video, in pixels; zero: none does
	Layer         int // the layer that the engine uses for the tiles, or would use if a tile showed the video
}

// SourceStats is a snapshot of a source.
type SourceStats struct {
	Source     SourceID      `json:"-"`
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	State      State         `json:"state"`
	Reason     Reason        `json:"reason,omitempty"` // why the source is not live, see Condition
	Detail     string        `json:"detail,omitempty"`
	Since      time.Time     `json:"since,omitzero"` // when State or Reason last changed
	Age        time.Duration `json:"-"`              // time since video came last
	VideoCodec Codec         `json:"videoCodec,omitempty"`
	Width      int           `json:"w"`
	Height     int           `json:"h"`
	FPS        float64       `json:"fps"`
	Bitrate    int           `json:"bitrate"` // bitrate of the video, in bits a second
	Layer      int           `json:"layer"`   // the layer that the engine uses
	Decoded    bool          `json:"decoded"` // false while the video is asleep: no view composes it, so it is not decoded
	AudioCodec Codec         `json:"audioCodec,omitempty"`
	Level      float64       `json:"level"` // dBFS
	Speaking   bool          `json:"speaking"`
	Dropped    uint64        `json:"dropped"` // video packets that were dropped, after a loss or because the queue was full
	Invalid    uint64        `json:"invalid"` // packets that are not valid, and audio packets that were dropped because the queue was full
	// Repeated counts repeats that were never decoded. A repeat is an H.264 frame that copies the frame before. It need not
	// be decoded if only repeats come between it and the next IDR frame.
	Repeated uint64 `json:"repeated"`
}
