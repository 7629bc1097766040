package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"azulejo/signal/room"
)

// TestConditionsAreTold: cameras with difficult names are live, and one whose server is down says why, in the API, as an event
// and as a metric. Then a client that reads events does not delay the end of the server.
func TestConditionsAreTold(t *testing.T) {
	names := []string{"می\u200cشود", "👨‍👩‍👧", "台所\u3000北", "Gate/North \"50%\"", strings.Repeat("문", 128), strings.Repeat("💥", 100)}
	cameras := []map[string]any{{"name": "down", "url": "rtsp://" + freeAddress(t) + "/stream"}}
	for _, name := range names {
		cameras = append(cameras, map[string]any{"name": name, "url": "test:?w=64&h=64&fps=5"})
	}
	config, err := json.Marshal(map[string]any{"data": t.TempDir(), "rooms": map[string]any{"yard": map[string]any{"cameras": cameras}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "azulejo.yaml")
	if err = os.WriteFile(file, config, 0o600); err != nil { // JSON is YAML
		t.Fatal(err)
	}
	p := launch(t, "serve", "-c", file)
	var got room.Info
	p.eventually(20*time.Second, "six cameras are live, and one says why it is not", func() bool {
		got = room.Info{}
		if err = json.Unmarshal(p.get("/api/v1/rooms/yard"), &got); err != nil {
			t.Fatal(err)
		}
		var live []string
		for _, c := range got.Participants {
			if c.State == "live" {
				live = append(live, c.Name)
			}
		}
		down := got.Participants[0]
		return slices.Equal(live, names) && down.Name == "down" && down.Reason != "" && down.Reason != "connecting" && down.Detail != "" && !down.Since.IsZero()
	})
	reason := got.Participants[0].Reason
	if metrics := string(p.get("/metrics")); !strings.Contains(metrics, fmt.Sprintf("azulejo_camera_state{camera=\"down\",reason=%q", reason)) ||
		!strings.Contains(metrics, `azulejo_camera_picture_age_seconds{camera="👨‍👩‍👧",room="yard"}`) {
		t.Errorf("the metrics do not say that camera down is %s, or do not know another:\n%s", reason, metrics)
	}
	p.eventually(5*time.Second, "the log says which cameras joined", func() bool {
		return strings.Count(p.log.String(), "member joined") == len(names)
	})
	if log := p.log.String(); strings.Contains(log, `"member joined" room=yard id=`+got.Participants[0].ID) {
		t.Errorf("the log says that camera down joined:\n%s", log)
	}
	events := bufio.NewScanner(p.stream("/api/v1/events?room=yard"))
	for events.Scan() && !strings.Contains(events.Text(), `"name":"down"`) {
		continue
	}
	if !strings.Contains(events.Text(), `"reason":`) {
		t.Errorf("the event of camera down: %q", events.Text())
	}
	began := time.Now()
	if code := p.terminate(); code != 0 || time.Since(began) > 4*time.Second {
		t.Errorf("exit code %d after %v; want 0 at once", code, time.Since(began))
	}
}
