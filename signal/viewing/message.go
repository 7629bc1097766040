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

// These are the messages for a client. The field Type holds the name of the Go type in lower case, in every dialect.
type (
	// Participants are all publishers of the room, in tile order.
	Participants struct {
		Type         string             `json:"type"`
		Participants []room.Participant `json:"participants"`
	}
	// Rendition describes the video that the client receives. FPS and Bitrate are measured over the last seconds.
	Rendition struct {
		Type    string      `json:"type"`
		Codec   mixer.Codec `json:"codec"`
		Width   int         `json:"w"`
		Height  int         `json:"h"`
		FPS     float64     `json:"fps"`
		Bitrate int         `json:"bitrate"` // bits a second
	}
	// Layout describes the tiles of the video, from the frame with the RTP timestamp RTP on.
	Layout struct {
		Type   string           `json:"type"`
		View   string           `json:"view"` // name of the view; empty: a personal view
		RTP    uint32           `json:"rtp"`
		Canvas mixer.Size       `json:"canvas"`
		Tiles  []mixer.TileInfo `json:"tiles"`
		Hidden int              `json:"hidden,omitempty"` // sources without a tile
		Page   int              `json:"page,omitempty"`   // the page that is shown, from 1 on; absent if there is only one page
		Pages  int              `json:"pages,omitempty"`
	}
	// Tile is the size of the largest tile that shows the client's own video, in pixels. It is zero if no tile shows it.
	Tile struct {
		Type   string `json:"type"`
		Width  int    `json:"w"`
		Height int    `json:"h"`
	}
	// Overload is the level, 0 to 4, to which the room is degraded.
	Overload struct {
		Type  string `json:"type"`
		Level int    `json:"level"`
	}
)

// Misread makes a refusal from an error of encoding/json about one field of a client's message. The parameter message names
// the message in the refusal. Misread returns nil if the error is about the message as a whole, for example if it is not a
// JSON object.
func Misread(message string, err error) *refusal.Error {
	var known *refusal.Error
	if errors.As(err, &known) {
		return refusal.New(known.Code, "%s: %s", message, known.Message)
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return refusal.New(CodeBadMessage, "%s: field %q is a %s; accepted is a %s", message, wrong.Field, wrong.Value, shape(wrong))
	}
	return nil
}

// shape names the JSON type that a field accepts.
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

// Clip shortens a text of a client to 64 characters, for an error message.
func Clip(s string) string {
	const maxRunes = 64
	if r := []rune(s); len(r) > maxRunes {
		return string(r[:maxRunes]) + "…"
	}
	return s
}
