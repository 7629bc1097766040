package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/room"
)

// readEvents requests a stream of events and returns a function that waits for the next one.
func readEvents(t *testing.T, url, token string) func() SourceEvent {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s %s", url, res.Status, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	return func() SourceEvent {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var event SourceEvent
				if err := json.Unmarshal([]byte(data), &event); err != nil {
					t.Fatal(err)
				}
				return event
			}
		}
		t.Fatal("the stream ended")
		return SourceEvent{}
	}
}

// TestEvents: a stream starts with the present conditions and goes on with the changes, of all rooms or of one.
func TestEvents(t *testing.T) {
	events := NewEvents()
	hall := room.Info{Room: "hall", Participants: []room.ParticipantInfo{{Participant: room.Participant{ID: "2", Name: "정문"}, State: mixer.Connecting}}}
	srv := serveTest(t, &registry{rooms: []room.Info{yard(), hall}}, func(c *Config) { c.Events = events })
	t.Cleanup(events.End) // before srv.Close, which waits for the streams
	all, one := readEvents(t, srv.URL+"/api/v1/events", ""), readEvents(t, srv.URL+"/api/v1/events?room=hall", "")
	want := []SourceEvent{
		{Room: "yard", ID: "1", Name: "gate", State: mixer.Live},
		{Room: "hall", ID: "2", Name: "정문", State: mixer.Connecting},
	}
	if d := cmp.Diff(want, []SourceEvent{all(), all()}); d != "" {
		t.Errorf("the present conditions (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want[1], one()); d != "" {
		t.Errorf("the present condition in one room (-want +got):\n%s", d)
	}
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	trouble := mixer.Trouble{Reason: mixer.ReasonWrongPassword, Detail: "the camera refuses the login"}
	events.SourceChanged("yard", "1", "gate", mixer.Condition{State: mixer.Lost, Since: since})
	events.SourceChanged("hall", "2", "정문", mixer.Condition{State: mixer.Connecting, Trouble: trouble, Since: since})
	changed := SourceEvent{Room: "hall", ID: "2", Name: "정문", State: mixer.Connecting, Reason: trouble.Reason, Detail: trouble.Detail, Since: since}
	if d := cmp.Diff([]SourceEvent{{Room: "yard", ID: "1", Name: "gate", State: mixer.Lost, Since: since}, changed}, []SourceEvent{all(), all()}); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if d := cmp.Diff(changed, one()); d != "" {
		t.Errorf("changes in one room (-want +got):\n%s", d)
	}
	events.SourceLeft("yard", "1", "gate")
	events.SourceLeft("hall", "2", "정문")
	gate, gone := all(), one()
	if gate.Name != "gate" || gate.State != "left" || time.Since(gate.Since) > time.Minute {
		t.Errorf("a source that left is told as %+v", gate)
	}
	if want := (SourceEvent{Room: "hall", ID: "2", Name: "정문", State: "left", Since: gone.Since}); gone != want {
		t.Errorf("a source that left is told as %+v, want %+v", gone, want)
	}
}

// changingRegistry is a registry in which the sources change while they are listed.
type changingRegistry struct {
	*registry
	change func() // called before List returns what it has read
}

func (h changingRegistry) List() []room.Info {
	defer h.change()
	return h.registry.List()
}

// TestASnapshotHidesNoChange: what changes while a new reader's snapshot is taken is newer than the snapshot.
func TestASnapshotHidesNoChange(t *testing.T) {
	events := NewEvents()
	info := yard()
	for _, id := range []string{"2", "3"} {
		info.Participants = append(info.Participants, room.ParticipantInfo{Participant: room.Participant{ID: id}, State: mixer.Live})
	}
	h := changingRegistry{&registry{rooms: []room.Info{info}}, func() {
		events.SourceChanged("yard", "1", "gate", mixer.Condition{State: mixer.Lost})
		events.SourceLeft("yard", "2", "door")
	}}
	srv := serveTest(t, h.registry, func(c *Config) { c.Events, c.Rooms = events, h })
	t.Cleanup(events.End) // before srv.Close, which waits for the streams
	for _, query := range []string{"", "?room=yard"} {
		next := readEvents(t, srv.URL+"/api/v1/events"+query, "")
		var got []string
		for range 3 {
			event := next()
			got = append(got, event.ID+" "+string(event.State))
		}
		if want := []string{"1 lost", "2 left", "3 live"}; !slices.Equal(got, want) {
			t.Errorf("%q: the stream starts with %q, want %q", query, got, want)
		}
		events.SourceChanged("yard", "3", "hall", mixer.Condition{State: mixer.Frozen})
		if event := next(); event.State != mixer.Frozen {
			t.Errorf("%q: after the snapshot comes %+v", query, event)
		}
	}
}

// TestEventsOfOneRoom: a token for a room opens the events of this room and no others.
func TestEventsOfOneRoom(t *testing.T) {
	s := serveTokens(t, nil)
	token := authtest.Token(t, "yard", auth.View)
	if got := readEvents(t, s.url+"/api/v1/events?room=yard", token); got == nil {
		t.Error("no stream")
	}
	for _, query := range []string{"", "?room=hall", "?room="} {
		request(t, "GET", s.url+"/api/v1/events"+query, "Authorization", "Bearer "+token).wantProblem(t, 403)
	}
}

// TestEventsHaveBounds: readers are limited, and a reader that does not read keeps one event for each source.
func TestEventsHaveBounds(t *testing.T) {
	events := NewEvents()
	readers := make([]*eventReader, maxReaders)
	for i := range readers {
		readers[i] = events.subscribe("")
	}
	if events.subscribe("") != nil {
		t.Error("one reader too many")
	}
	for range 1000 {
		events.SourceChanged("yard", "1", "gate", mixer.Condition{State: mixer.Live})
		events.SourceChanged("yard", "2", "door", mixer.Condition{State: mixer.Live})
	}
	n := 0
	for _, ok := readers[0].queue.Pop(); ok; _, ok = readers[0].queue.Pop() {
		n++
	}
	if n != 2 {
		t.Errorf("%d events wait, want the newest of two sources", n)
	}
	events.unsubscribe(readers[0])
	if events.subscribe("") == nil {
		t.Error("a reader that left is still counted")
	}
}

// TestEventsEndWithTheToken: a stream does not outlive the token that opened it.
func TestEventsEndWithTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		permit := auth.Permit{Expires: time.Now().Add(time.Minute)}
		ctx, cancel := untilExpiry(r.WithContext(context.WithValue(r.Context(), permitKey{}, permit)))
		defer cancel()
		<-ctx.Done()
		if !time.Now().Equal(permit.Expires) {
			t.Errorf("the stream ended at %v, want %v", time.Now(), permit.Expires)
		}
	})
}
