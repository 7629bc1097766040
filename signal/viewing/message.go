package viewing

import (
	"encoding/json"
	"errors"
	"fmt"

	"azulejo/mixer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Codes of what a client got wrong about its picture, besides those of rooms and peers.
const (
	CodeBadMessage  = "bad_message" // a field of the wrong shape
	CodeUnsupported = "unsupported" // a view or a rung that is not there
)

// What a client is told. Type is the word that the type is called by below, in every dialect.
type (
	// Participants are all who publish, in tile order: "participants".
	Participants struct {
		Type         string             `json:"type"`
		Participants []room.Participant `json:"participants"`
	}
	// Rendition is what the client receives, rates as measured lately: "rendition".
	Rendition struct {
		Type    string      `json:"type"`
		Codec   mixer.Codec `json:"codec"`
		Width   int         `json:"w"`
		Height  int         `json:"h"`
		FPS     float64     `json:"fps"`
		Bitrate int         `json:"bitrate"` // bits a second
	}
	// Layout is what the pictures show from an RTP timestamp on: "layout".
	Layout struct {
		Type   string           `json:"type"`
		View   string           `json:"view"` // empty: a personal one
		RTP    uint32           `json:"rtp"`
		Canvas mixer.Size       `json:"canvas"`
		Tiles  []mixer.TileInfo `json:"tiles"`
		Hidden int              `json:"hidden,omitempty"`
		Page   int              `json:"page,omitempty"` // that is shown, from 1 on; absent where there is but one
		Pages  int              `json:"pages,omitempty"`
	}
	// Tile is the largest that shows the client's own picture: "tile".
	Tile struct {
		Type   string `json:"type"`
		Width  int    `json:"w"`
		Height int    `json:"h"`
	}
	// Overload is how far the room is degraded: "overload".
	Overload struct {
		Type  string `json:"type"`
		Level int    `json:"level"`
	}
)

// Misread says which field of a message of a client has the wrong shape; nil if err is about the whole: it was no JSON object.
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

// Clip keeps an error message short whatever a client sent.
func Clip(s string) string {
	const enough = 64
	if r := []rune(s); len(r) > enough {
		return string(r[:enough]) + "…"
	}
	return s
}
