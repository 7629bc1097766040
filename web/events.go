package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"azulejo/mixer"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

const (
	eventsPath = "/api/v1/events"

	maxReaders  = 100              // of events at the same time; a reader more is refused
	eventBeat   = 15 * time.Second // between comments that keep a stream open while nothing happens
	writeWithin = 10 * time.Second // how long a reader may take to receive one event
)

// stateLeft is the State of the last event of a source. It is no state of the mixer, because the source is gone.
const stateLeft mixer.State = "left"

// SourceEvent says that the condition of a source has changed, or that the source has left its room.
type SourceEvent struct {
	Room   string       `json:"room"`
	ID     string       `json:"id" doc:"Of the participant; it may come back with the same id"`
	Name   string       `json:"name"`
	State  mixer.State  `json:"state" doc:"As in the list of rooms; left: the source is gone, and this is its last event"`
	Reason mixer.Reason `json:"reason,omitempty"`
	Detail string       `json:"detail,omitempty"`
	Since  time.Time    `json:"since,omitzero"`
}

// Events distributes the changes of sources to the readers of GET /api/v1/events. All methods are safe for concurrent use.
type Events struct {
	ended context.Context // ends with End
	end   context.CancelFunc

	mu      sync.Mutex
	readers []*eventReader
}

// eventReader is one response that streams events.
type eventReader struct {
	room    string              // only events of this room; empty: of all rooms
	queue   *viewing.Outbox     // the newest event of each source
	changed map[string]struct{} // the keys of the events that came before the snapshot; nil after the snapshot; protected by Events.mu
}

// NewEvents makes an Events without readers.
func NewEvents() *Events {
	e := &Events{}
	e.ended, e.end = context.WithCancel(context.Background())
	return e
}

// SourceChanged publishes the new condition of a source. It never blocks. It has the signature of
// room.Config.ConditionChanged.
func (e *Events) SourceChanged(room, id, name string, c mixer.Condition) {
	e.publish(SourceEvent{Room: room, ID: id, Name: name, State: c.State, Reason: c.Reason, Detail: c.Detail, Since: c.Since})
}

// SourceLeft publishes that a source is gone. It never blocks. It has the signature of room.Config.SourceLeft.
func (e *Events) SourceLeft(room, id, name string) {
	e.publish(SourceEvent{Room: room, ID: id, Name: name, State: stateLeft, Since: time.Now()})
}

// publish queues an event for the readers.
func (e *Events) publish(event SourceEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.readers {
		r.push(event)
		if r.changed != nil {
			r.changed[event.key()] = struct{}{}
		}
	}
}

// snapshot queues the present conditions of all sources for a reader that has subscribed before they were read. A condition is
// left out if the source has changed or left since then, because the reader has a newer event of it.
func (e *Events) snapshot(r *eventReader, present []SourceEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range present {
		if _, newer := r.changed[event.key()]; !newer {
			r.push(event)
		}
	}
	r.changed = nil
}

// key is the same for all events of one source.
func (event SourceEvent) key() string { return event.Room + "/" + event.ID }

// push queues an event if the reader wants it. A slow reader misses older events of the same source.
func (r *eventReader) push(event SourceEvent) {
	if r.room == "" || r.room == event.Room {
		r.queue.Push(event.key(), event)
	}
}

// End ends all streams. It must be called before the HTTP server waits for its open requests.
func (e *Events) End() { e.end() }

// subscribe makes a reader, which gets all events from now on; nil if there are maxReaders already. The caller must call snapshot.
func (e *Events) subscribe(room string) *eventReader {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.readers) == maxReaders {
		return nil
	}
	r := &eventReader{room: room, queue: viewing.NewOutbox(), changed: map[string]struct{}{}}
	e.readers = append(e.readers, r)
	return r
}

func (e *Events) unsubscribe(r *eventReader) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.readers = slices.DeleteFunc(e.readers, func(other *eventReader) bool { return other == r })
}

// streamEvents answers GET /api/v1/events with server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). The stream starts with the present condition of every
// source. The parameter room limits it to one room.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("room")
	reader := s.cfg.Events.subscribe(name)
	if reader == nil {
		problem(w, http.StatusServiceUnavailable, fmt.Sprintf("%d clients read events already; accepted are no more", maxReaders))
		return
	}
	defer s.cfg.Events.unsubscribe(reader)
	s.cfg.Events.snapshot(reader, presentEvents(s.cfg.Rooms.List()))
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would buffer the events
	ctx, cancel := untilExpiry(r)
	defer cancel()
	if err := s.cfg.Events.write(ctx, w, reader.queue); err != nil {
		s.log.Debug("events ended", "remote", r.RemoteAddr, "error", err)
	}
}

// presentEvents returns one event for each participant, which describes the present condition of its source.
func presentEvents(rooms []room.Info) (all []SourceEvent) {
	for _, info := range rooms {
		for _, p := range info.Participants {
			all = append(all, SourceEvent{
				Room: info.Room, ID: p.ID, Name: p.Name, State: p.State, Reason: p.Reason, Detail: p.Detail, Since: p.Since,
			})
		}
	}
	return all
}

// write writes the queued events to w until the request or the server ends.
func (e *Events) write(ctx context.Context, w http.ResponseWriter, queue *viewing.Outbox) error {
	beat := time.NewTicker(eventBeat)
	defer beat.Stop()
	err := writeText(w, ": hello\n\n")
	for err == nil {
		select {
		case <-queue.Ready():
			err = writeQueued(w, queue)
		case <-beat.C:
			err = writeText(w, ":\n\n") // a comment
		case <-e.ended.Done():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return err
}

func writeQueued(w http.ResponseWriter, queue *viewing.Outbox) error {
	for m, ok := queue.Pop(); ok; m, ok = queue.Pop() {
		data, err := json.Marshal(m.Body)
		if err != nil {
			return err
		}
		if err = writeText(w, "event: source\ndata: "+string(data)+"\n\n"); err != nil {
			return err
		}
	}
	return nil
}

// writeText writes and flushes a text within writeWithin. Afterwards it removes the deadline, which would otherwise end an
// idle HTTP/2 stream, or apply to the next request of the connection.
func writeText(w http.ResponseWriter, text string) error {
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	if err := control.Flush(); err != nil {
		return err
	}
	return control.SetWriteDeadline(time.Time{})
}

// describeEvents adds the stream of events to the OpenAPI description.
func describeEvents(doc *huma.OpenAPI) {
	doc.AddOperation(&huma.Operation{
		OperationID: "stream-events", Method: http.MethodGet, Path: eventsPath,
		Summary: "Changes of sources as server-sent events",
		Description: "Each event is named source. The stream starts with the present condition of every source. " +
			"An event with the state left says that a source is gone; it has no reason. " +
			"A client that reads slowly misses older events of the same source.",
		Parameters: []*huma.Param{{
			Name: "room", In: "query", Schema: &huma.Schema{Type: "string"},
			Description: "Only events of this room, which need the grant view for it; without it the grant admin for all rooms is needed",
		}},
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: doc.Components.Schemas.Schema(reflect.TypeFor[SourceEvent](), true, "SourceEvent")},
		}}},
	})
}
