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
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+created.Header.Get("Location")+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := fetch.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	events := bufio.NewReader(res.Body)
	for line := ""; line != "event: participants\n"; {
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
