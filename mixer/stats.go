package mixer

// RenditionStats is a snapshot of a rendition.
type RenditionStats struct {
	ID      RenditionID `json:"-"`
	View    string      `json:"view"`
	Codec   Codec       `json:"codec"`
	Width   int         `json:"w,omitempty"`
	Height  int         `json:"h,omitempty"`
	FPS     float64     `json:"fps,omitempty"`    // frames a second of video, packets a second of audio
	Bitrate int         `json:"bitrate"`          // bits a second
	Sinks   int         `json:"sinks"`            // number of its subscriptions
	Skipped uint64      `json:"skipped"`          // canvases, or 20 ms blocks of audio, that were dropped because the encoder was too slow
	Passed  bool        `json:"passed,omitempty"` // passthrough: a source's own packets are sent, and nothing is encoded
}

// Stats is a snapshot of a room.
type Stats struct {
	Sources    []SourceStats    `json:"sources"`
	Renditions []RenditionStats `json:"renditions"`
	Ticks      uint64           `json:"ticks"`     // ticks at which a view was composed
	LateTicks  uint64           `json:"lateTicks"` // ticks of a view that were skipped because the machine was too slow
	Overload   int              `json:"overload"`  // the level of overload, from 0 (none) to 4
}

// OverloadJoins is the level of overload at which nobody else may join a room. signal/room refuses the joins, not the engine.
const OverloadJoins = 4
