package whip

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
	"azulejo/signal/viewing"
)

// subscribe handles a POST to the events of a viewer (WHEP draft). The body lists the wanted events. Without a body all events
// are wanted. The response contains the URL of the stream of these events. The URL contains the token, because a browser's
// EventSource sends no headers. The list is a part of the URL, so the server does not store it.
func (h *Handler) subscribe(w http.ResponseWriter, r *http.Request) error {
	c, err := h.find(r)
	if err != nil {
		return err
	}
	query := url.Values{}
	if r.ContentLength != 0 {
		kinds, refused := readKinds(w, r)
		if refused != nil {
			return refused
		}
		query.Set("events", strings.Join(kinds, ","))
	}
	if token := auth.TokenOf(r); token != "" {
		query.Set("token", token)
	}
	address := c.location + "/events"
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	w.Header().Set("Location", address)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// readKinds reads a list of events, and returns the listed events that this server has. The draft has further events, which
// readKinds ignores.
func readKinds(w http.ResponseWriter, r *http.Request) ([]string, error) {
	body, err := read(w, r, typeJSON, "Accept-Post")
	if err != nil {
		return nil, err
	}
	var listed []string
	if err = json.Unmarshal(body, &listed); err != nil || listed == nil {
		return nil, refusal.New(viewing.CodeBadMessage, "the events are no JSON array of names; accepted is one of some of %s", eventKinds)
	}
	return slices.DeleteFunc(strings.Split(eventKinds, ","), func(kind string) bool { return !slices.Contains(listed, kind) }), nil
}

// wanted returns the events that a query lists, or nil if all events are wanted.
func wanted(query url.Values) []string {
	if !query.Has("events") {
		return nil
	}
	return strings.Split(query.Get("events"), ",")
}

// events handles a GET of the events of a viewer. The response is a stream of server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). The data of an event is the message of the native
// dialect. The last event is "end". The query may list the wanted events.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) error {
	c, err := h.find(r)
	if err != nil {
		return err
	}
	if !accepts(r.Header, typeEvents) {
		return refusal.New(codeAccept, "events are %s, which Accept leaves out; accepted is one that does not", typeEvents)
	}
	sub := c.board.subscribe()
	defer c.board.unsubscribe(sub)
	w.Header().Set("Content-Type", typeEvents)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would buffer the events
	w.WriteHeader(http.StatusOK)
	h.writeEvents(r, stream{w, http.NewResponseController(w), h.cfg.WriteWithin, wanted(r.URL.Query())}, sub)
	return nil
}

// writeEvents writes events to out until the session, the request or the server ends, or the reader is replaced.
func (h *Handler) writeEvents(r *http.Request, out stream, sub *reader) {
	beat := time.NewTicker(h.cfg.Beat)
	defer beat.Stop()
	ended, err := false, out.write(": hello\n\n")
	for err == nil && !ended {
		select {
		case <-sub.events.Ready():
			ended, err = out.drain(sub.events)
		case <-beat.C:
			err = out.write(":\n\n") // a comment
		case <-h.streaming.Done():
			ended, err = true, out.event("end", endOf(errClosing(), h.log))
		case <-sub.replaced:
			ended = true
		case <-r.Context().Done():
			ended = true
		}
	}
	if err != nil {
		h.log.Debug("events ended", "remote", r.RemoteAddr, "error", err)
	}
}

// stream is an HTTP response to which events are written.
type stream struct {
	w           http.ResponseWriter
	controller  *http.ResponseController // of w
	writeWithin time.Duration
	kinds       []string // the wanted events; nil: all
}

// drain writes all queued events. It returns true if the stream must end, after the event "end" or an error.
func (s stream) drain(events *viewing.Outbox) (bool, error) {
	for m, ok := events.Pop(); ok; m, ok = events.Pop() {
		if err := s.event(m.Kind, m.Body); err != nil || m.Kind == "end" {
			return true, err
		}
	}
	return false, nil
}

// event writes an event if it is wanted.
func (s stream) event(kind string, message any) error {
	if s.kinds != nil && !slices.Contains(s.kinds, kind) {
		return nil
	}
	data, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("write event %s: %w", kind, err)
	}
	return s.write("event: " + kind + "\ndata: " + string(data) + "\n\n")
}

// write writes and flushes a text within writeWithin. Afterwards it removes the write deadline, for two reasons. In HTTP/2 a
// stream ends at its deadline even if nothing is being written. In HTTP/1 the deadline would apply to the next request.
func (s stream) write(text string) error {
	if err := s.controller.SetWriteDeadline(time.Now().Add(s.writeWithin)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	if err := s.controller.Flush(); err != nil {
		return err
	}
	return s.controller.SetWriteDeadline(time.Time{})
}
