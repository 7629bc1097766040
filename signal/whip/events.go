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

// subscribe handles a POST to a viewer's events (WHEP draft). The body lists the wanted events; no body means all of
// them. The answer contains the address from which to GET these events. The address contains the token, since an
// EventSource sends no headers. The server stores nothing.
func (h *Handler) subscribe(w http.ResponseWriter, r *http.Request) error {
	c, err := h.found(r)
	if err != nil {
		return err
	}
	query := url.Values{}
	if r.ContentLength != 0 {
		kinds, unread := readKinds(w, r)
		if unread != nil {
			return unread
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

// readKinds returns those of the listed events that this server has. The draft has more.
func readKinds(w http.ResponseWriter, r *http.Request) ([]string, error) {
	body, err := read(w, r, typeJSON, "Accept-Post")
	if err != nil {
		return nil, err
	}
	var asked []string
	if err = json.Unmarshal(body, &asked); err != nil || asked == nil {
		return nil, refusal.New(viewing.CodeBadMessage, "the events are no JSON array of names; accepted is one of some of %s", eventKinds)
	}
	return slices.DeleteFunc(strings.Split(eventKinds, ","), func(kind string) bool { return !slices.Contains(asked, kind) }), nil
}

// wanted returns the events that a query lists, or nil if all are wanted.
func wanted(query url.Values) []string {
	if !query.Has("events") {
		return nil
	}
	return strings.Split(query.Get("events"), ",")
}

// events handles a GET of a viewer's events (https://html.spec.whatwg.org/multipage/server-sent-events.html). The data
// of an event is the message of the native dialect. The event "end" is the last one. The query may list the wanted
// events.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) error {
	c, err := h.found(r)
	if err != nil {
		return err
	}
	if !accepts(r.Header, typeEvents) {
		return refusal.New(codeAccept, "events are %s, which Accept leaves out; accepted is one that does not", typeEvents)
	}
	subscribed := c.board.subscribe()
	defer c.board.unsubscribe(subscribed)
	w.Header().Set("Content-Type", typeEvents)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would buffer the events
	w.WriteHeader(http.StatusOK)
	h.stream(r, stream{w, http.NewResponseController(w), h.cfg.WriteWithin, wanted(r.URL.Query())}, subscribed)
	return nil
}

// stream writes events until the session, the request or the server ends.
func (h *Handler) stream(r *http.Request, to stream, subscribed *reader) {
	beat := time.NewTicker(h.cfg.Beat)
	defer beat.Stop()
	last, err := false, to.write(": hello\n\n")
	for err == nil && !last {
		select {
		case <-subscribed.events.Ready():
			last, err = to.drain(subscribed.events)
		case <-beat.C:
			err = to.write(":\n\n")
		case <-h.streaming.Done():
			last, err = true, to.event("end", endOf(errClosing(), h.log))
		case <-subscribed.gone:
			last = true
		case <-r.Context().Done():
			last = true
		}
	}
	if err != nil {
		h.log.Debug("events ended", "remote", r.RemoteAddr, "error", err)
	}
}

// stream is the response that events are written to.
type stream struct {
	w           http.ResponseWriter
	http        *http.ResponseController
	writeWithin time.Duration
	kinds       []string // the wanted events; nil: all
}

// drain writes all queued events. It returns true if the stream is over: after the event "end", or with an error.
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

// write writes and flushes a text within writeWithin. It removes the write deadline afterwards: HTTP/2 ends a stream at
// its deadline even if nothing is being written, and in HTTP/1 the deadline would apply to the next request.
func (s stream) write(text string) error {
	if err := s.http.SetWriteDeadline(time.Now().Add(s.writeWithin)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	if err := s.http.Flush(); err != nil {
		return err
	}
	return s.http.SetWriteDeadline(time.Time{})
}
