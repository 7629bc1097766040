package mixer

// RenditionStats is a snapshot of a rendition.
type RenditionStats struct {
	ID      RenditionID `json:"-"`
	View    string      `json:"view"`
	Codec   Codec       `json:"codec"`
	Width   int         `json:"w,omitempty"`
	Height  int         `json:"h,omitempty"`
	FPS     float64     `json:"fps,omitempty"` // of sound: packets a second
	Bitrate int         `json:"bitrate"`       // bits a second
	Sinks   int         `json:"sinks"`
	Skipped uint64      `json:"skipped"`          // canvases or blocks that the encoder was too slow for
	Passed  bool        `json:"passed,omitempty"` // a source's own packets are passed on, nothing is encoded
}

// Stats is a snapshot of a
type Stats struct {
	Sources    []SourceStats    `json:"sources"`
	Renditions []RenditionStats `json:"renditions"`
	Ticks      uint64           `json:"ticks"`     // pictures composed
	LateTicks  uint64           `json:"lateTicks"` // pictures skipped because the machine was too slow
	Overload   int              `json:"overload"`  // 0 is none, 4 the last step
}

// OverloadJoins is the step of overload from which nobody else may join; the engine's caller sees to it.
const OverloadJoins = 4
