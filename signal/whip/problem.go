package whip

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// Codes of this dialect. The packages auth, room, peer and viewing define further codes.
const (
	codeNotFound     = "not_found"
	codeMethod       = "method_not_allowed"
	codeMediaType    = "unsupported_media_type"
	codeAccept       = "not_acceptable"
	codeTooLarge     = "too_large"
	codeUnreadable   = "unreadable" // neither SDP nor a fragment of it
	codeFragment     = "bad_fragment"
	codePrecondition = "precondition_required"
	codeStale        = "stale_ice_session"
	codeNoMedia      = "no_media"
	codeNotConnected = "not_connected"
	codeInternal     = "internal"
)

// statuses has the HTTP statuses of the codes. auth.Answer returns the statuses of the codes of package auth. All other codes
// have the status 400.
var statuses = map[string]int{ // a constant table
	codeNotFound:            http.StatusNotFound,
	codeMethod:              http.StatusMethodNotAllowed,
	codeMediaType:           http.StatusUnsupportedMediaType,
	codeAccept:              http.StatusNotAcceptable,
	codeTooLarge:            http.StatusRequestEntityTooLarge,
	codeFragment:            http.StatusUnprocessableEntity,
	codePrecondition:        http.StatusPreconditionRequired,
	codeStale:               http.StatusPreconditionFailed,
	codeNoMedia:             http.StatusUnprocessableEntity,
	peer.CodeBadSDP:         http.StatusUnprocessableEntity,
	peer.CodeSecondOffer:    http.StatusUnprocessableEntity,
	peer.CodeUnexpected:     http.StatusConflict,
	room.CodeBadView:        http.StatusUnprocessableEntity,
	viewing.CodeUnsupported: http.StatusUnprocessableEntity,
	room.CodeNoSuchRoom:     http.StatusNotFound,
	room.CodeNameTaken:      http.StatusConflict,
	room.CodeMesh:           http.StatusConflict,
	room.CodeFull:           http.StatusServiceUnavailable,
	room.CodeViewers:        http.StatusServiceUnavailable,
	room.CodeRooms:          http.StatusServiceUnavailable,
	room.CodeOverloaded:     http.StatusServiceUnavailable,
	room.CodeClosing:        http.StatusServiceUnavailable,
	codeInternal:            http.StatusInternalServerError,
}

// retryAfter is the value of the header Retry-After, in seconds, for the status 503.
const retryAfter = "5"

// problem is the body of a response that reports an error (RFC 9457). Code is for programs, the other texts are for people.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// refuse writes a response that reports an error. An internal error is logged, and the response does not contain its text.
func refuse(w http.ResponseWriter, err error, log *slog.Logger) {
	e := refusalOf(err, log)
	status := auth.Answer(w.Header(), e)
	if status == 0 {
		status = statuses[e.Code]
	}
	if status == 0 {
		status = http.StatusBadRequest
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	body := problem{Title: http.StatusText(status), Status: status, Detail: e.Message, Code: e.Code}
	_ = json.NewEncoder(w).Encode(body) // a client that is gone reads nothing
}

// refusalOf returns err if it is a refusal. Any other error is internal: refusalOf logs it, and returns a general refusal
// instead.
func refusalOf(err error, log *slog.Logger) *refusal.Error {
	var e *refusal.Error
	if errors.As(err, &e) {
		return e
	}
	log.Error("session met an internal error", "error", err)
	return refusal.New(codeInternal, "something went wrong in the server; its log says what")
}
