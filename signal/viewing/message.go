package viewing

import (
	"encoding/json"
	"errors"
	"fmt"

	"azulejo/mixer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Codes of refused selections. The packages room and peer define further codes.
const (
	CodeBadMessage  = "bad_message" // a field of the wrong type
	CodeUnsupported = "unsupported" // a view or a rung that does not exist
)

// The messages for a client. Type is the name of the Go type in lower case, in every dialect.
type (
	// Participants are all publishers of the room, in tile order.
	Participants struct {
		Type         string             `json:"type"`
		Participants []room.Participant `json:"participants"`
	}
	// Rendition describes the video that the client receives, with the rates of the last seconds.
	Rendition struct {
		Type    string      `json:"type"`
		Codec   mixer.Codec `json:"codec"`
		Width   int         `json:"w"`
		Height  int         `json:"h"`
		FPS     float64     `json:"fps"`
		Bitrate int         `json:"bitrate"` // bits a second
	}
	// Layout is the layout of all frames from the RTP timestamp RTP on.
	Layout struct {
		Type   string           `json:"type"`
		View   string           `json:"view"` // empty: a personal view
		RTP    uint32           `json:"rtp"`
		Canvas mixer.Size       `json:"canvas"`
		Tiles  []mixer.TileInfo `json:"tiles"`
		Hidden int              `json:"hidden,omitempty"`
		Page   int              `json:"page,omitempty"` // counted from 1; absent if there is only one page
		Pages  int              `json:"pages,omitempty"`
	}
	// Tile is the size of the largest tile that shows the client's own video.
	Tile struct {
		Type   string `json:"type"`
		Width  int    `json:"w"`
		Height int    `json:"h"`
	}
	// Overload is the level to which the room is degraded.
	Overload struct {
		Type  string `json:"type"`
		Level int    `json:"level"`
	}
)

// Misread translates an error of encoding/json that is about one field of a client's message. what names the message.
// It returns nil if the message as a whole is no JSON object.
func Misread(what string, err error) *refusal.Error {
	var known *refusal.Error
	if errors.As(err, &known) {
		return refusal.New(known.Code, "%s: %s", what, known.Message)
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return refusal.New(CodeBadMessage, "%s: field %q is a %s; accepted is a %s", what, wrong.Field, wrong.Value, shape(wrong))
	}
	return nil
}

func shape(e *json.UnmarshalTypeError) string {
	switch kind := e.Type.Kind().String(); kind {
	case "struct":
		return "JSON object"
	case "bool":
		return "boolean"
	case "string":
		return kind
	}
	return fmt.Sprintf("number (%s)", e.Type)
}

// Clip shortens a client's text for an error message.
func Clip(s string) string {
	const enough = 64
	if r := []rune(s); len(r) > enough {
		return string(r[:enough]) + "…"
	}
	return s
}
