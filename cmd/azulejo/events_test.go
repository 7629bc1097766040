package main

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestEventsEndWithTheServer: a client that reads the events of a session gets the reason of their end, and does not delay
// the end of the server.
func TestEventsEndWithTheServer(t *testing.T) {
	p := launch(t, "demo", "--cameras", "1", "--data", t.TempDir())
	created, answer := p.offer("/whep/demo", "recvonly", "")
	if created.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", created.Status, answer)
	}
	events := bufio.NewReader(p.stream(created.Header.Get("Location") + "/events"))
	for line := ""; line != "event: participants\n"; {
		var err error
		if line, err = events.ReadString('\n'); err != nil {
			t.Fatalf("no participants are told: %v", err)
		}
	}
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d; want 0", code)
	}
	text, err := io.ReadAll(events)
	if err != nil {
		t.Errorf("the stream was cut: %v", err)
	}
	if wanted := "event: end\ndata: {\"type\":\"end\",\"code\":\"closing\""; !strings.Contains(string(text), wanted) {
		t.Errorf("got\n%s\nwant %q in it", text, wanted)
	}
}
