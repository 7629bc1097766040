package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/mixer"
	"azulejo/recorder"
	"azulejo/recorder/index"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// registry is a fixed set of rooms and footage.
type registry struct {
	rooms []room.Info
	err   error
	where string      // room/stream of the newest request
	asked []time.Time // and its range
}

func (h *registry) List() []room.Info { return h.rooms }

func (h *registry) Info(name string) (room.Info, error) {
	for _, r := range h.rooms {
		if r.Room == name {
			return r, nil
		}
	}
	return room.Info{}, refusal.New(room.CodeNoSuchRoom, "room %q does not exist now", name)
}

func (h *registry) SetView(in, name string, v mixer.View) error {
	if h.err != nil {
		return h.err
	}
	if err := v.Validate(); err != nil {
		return refusal.New(room.CodeBadView, "%v", err)
	}
	for i := range h.rooms {
		r := &h.rooms[i]
		if r.Room == in {
			r.Views = slices.DeleteFunc(r.Views, func(v room.ViewInfo) bool { return v.Name == name })
			r.Views = append(r.Views, room.ViewInfo{Name: name, View: v})
		}
	}
	return nil
}

func (h *registry) DeleteView(in, name string) error {
	info, err := h.Info(in)
	switch {
	case err != nil:
		return err
	case h.err != nil:
		return h.err
	case !slices.ContainsFunc(info.Views, func(v room.ViewInfo) bool { return v.Name == name }):
		return refusal.New(room.CodeNoSuchView, "room %s has no view %q", in, name)
	}
	h.where = in + "/" + name
	return nil
}

func (h *registry) Streams(_ context.Context, room string) ([]string, error) {
	h.where = room
	return []string{"main"}, h.err
}

func (h *registry) Timeline(_ context.Context, room, stream string, from, to time.Time) (index.Timeline, error) {
	h.where, h.asked = room+"/"+stream, []time.Time{from, to}
	span := index.Span{From: from, To: to, Segments: 15, Bytes: 1 << 20, Where: index.InStore}
	return index.Timeline{Spans: []index.Span{span}, Gaps: []index.Gap{}}, h.err
}

func yard() room.Info {
	gate := room.ParticipantInfo{Participant: room.Participant{ID: "1", Name: "gate", Kind: room.Camera}, State: "live", Width: 640}
	return room.Info{
		Room: "yard", Viewers: 3, Ticks: 100, LateTicks: 2, Overload: 2, Views: []room.ViewInfo{},
		Participants: []room.ParticipantInfo{gate},
		Renditions: []mixer.RenditionStats{
			{View: "main", Codec: "h264", Width: 1280, Height: 720, FPS: 25, Bitrate: 2_000_000, Sinks: 4, Skipped: 6},
			{View: "main", Codec: "opus", Bitrate: 64_000, Sinks: 3},
		},
		Recordings: []recorder.RecordingStats{{
			Room: "yard", Stream: "main", Durable: time.UnixMilli(1_800_000_000_500), Segments: 7, Bytes: 12345,
		}},
	}
}

func serveTest(t *testing.T, h *registry, change func(*Config)) *httptest.Server {
	t.Helper()
	cfg := Config{Rooms: h, Guard: authtest.Guard(t, auth.Config{}), Footage: h, Version: "1.2.3", Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return srv
}

type answer struct {
	status int
	header http.Header
	body   string
}

func request(t *testing.T, method, url string, header ...string) answer {
	t.Helper()
	return requestWith(t, method, url, "", header...)
}

// requestWith is request with a body.
func requestWith(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(got)}
}

func (a answer) wantProblem(t *testing.T, status int) {
	t.Helper()
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("got %d %s %s, want a problem document with status %d", a.status, a.header.Get("Content-Type"), a.body, status)
	}
	var doc struct {
		Title, Detail string
		Status        int
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || doc.Status != status || doc.Title == "" || doc.Detail == "" {
		t.Fatalf("problem document %s (%v) lacks status %d, title or detail", a.body, err, status)
	}
}

func TestConfigWithoutRoomsIsRefused(t *testing.T) {
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "Rooms") {
		t.Fatalf("got %v, want an error that names Rooms", err)
	}
	if _, err := New(Config{Rooms: &registry{}}); err == nil || !strings.Contains(err.Error(), "Guard") {
		t.Fatalf("got %v, want an error that names Guard", err)
	}
}

func TestOperations(t *testing.T) {
	notReady := errors.New("the spool is being repaired")
	var ready error
	srv := serveTest(t, &registry{}, func(c *Config) { c.Ready = func(context.Context) error { return ready } })
	if a := request(t, "GET", srv.URL+"/healthz"); a.status != 200 || a.body != "ok\n" {
		t.Errorf("healthz: %+v", a)
	}
	if a := request(t, "GET", srv.URL+"/readyz"); a.status != 200 {
		t.Errorf("readyz: %+v", a)
	}
	ready = notReady
	a := request(t, "GET", srv.URL+"/readyz")
	a.wantProblem(t, 503)
	if !strings.Contains(a.body, notReady.Error()) {
		t.Errorf("readyz does not say why: %s", a.body)
	}
}

func TestUnknownRoutesGetProblems(t *testing.T) {
	srv := serveTest(t, &registry{rooms: []room.Info{yard()}}, nil)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/api/v1/nothing", 404, ""},
		{"GET", "/api/v1/rooms/nobody", 404, ""},
		{"GET", "/nothing", 404, ""},
		{"POST", "/api/v1/rooms", 405, "GET, HEAD"},
		{"DELETE", "/api/v1/footage/yard/main", 405, "GET, HEAD"},
		{"PUT", "/healthz", 405, "GET, HEAD"},
		{"GET", "/api/v1/rooms/yard/views/main", 405, "PUT, DELETE"},
		{"GET", "/api/v1/rooms/" + strings.Repeat("x", 65), 422, ""},
		{"GET", "/api/v1/rooms/..%2Fyard", 422, ""},
		{"GET", "/api/v1/footage/yard/a%0Ab", 422, ""},
		{"GET", "/api/v1/footage/yard/%20main", 422, ""},
		{"GET", "/static/", 404, ""},
		{"GET", "/static/../go.mod", 404, ""},
	} {
		a := request(t, c.method, srv.URL+c.path)
		a.wantProblem(t, c.status)
		if got := a.header.Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow is %q, want %q", c.method, c.path, got, c.allow)
		}
	}
	a := request(t, "GET", srv.URL+"/nothing", "Accept", "text/html")
	if a.status != 404 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("a browser gets %d %s, want the page that says 404", a.status, a.header.Get("Content-Type"))
	}
}

func TestHandlersAreMountedWithTheirWholePath(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
	srv := serveTest(t, &registry{}, func(c *Config) { c.Media, c.Signalling = echo, echo })
	base := "/api/v1/footage/yard/main/"
	for _, path := range []string{"/ws", base + "index.m3u8", base + "init/0123.mp4", base + "segments/1-2-3-4.m4s"} {
		if a := request(t, "GET", srv.URL+path); a.status != 200 || a.body != path {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
	request(t, "GET", srv.URL+base+"segments/").wantProblem(t, 404)
}

func TestRunEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Rooms: &registry{}, Guard: authtest.Guard(t, auth.Config{}), Listener: l})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if a := request(t, "GET", "http://"+l.Addr().String()+"/healthz"); a.status != 200 {
		t.Errorf("healthz: %+v", a)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestFilesThatAreNotRead: a client that requests files and does not read them loses its connection.
func TestFilesThatAreNotRead(t *testing.T) {
	s, err := New(Config{Rooms: &registry{}, Guard: authtest.Guard(t, auth.Config{}), FileWithin: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if tcp, ok := c.(*net.TCPConn); !ok || tcp.SetReadBuffer(4096) != nil {
		t.Fatal("the read buffer has the size that it likes")
	}
	const get = "GET /static/azulejo.js HTTP/1.1\r\nHost: x\r\n\r\n"
	if _, err := io.WriteString(c, strings.Repeat(get, 2000)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Error("the connection is still open")
	}
}

// TestBodiesThatDoNotCome: a client that announces a body and does not send it loses its connection, on every route.
func TestBodiesThatDoNotCome(t *testing.T) {
	reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("%s: a body came", r.URL.Path)
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	srv := serveTest(t, &registry{}, func(c *Config) { c.WHIP, c.WHEP, c.BodyWithin = reads, reads, 200*time.Millisecond })
	for _, line := range []string{"POST /whip/yard/gate", "POST /whep/yard", "PUT /api/v1/rooms/yard/views/main", "POST /healthz", "POST /nothing", "GET /healthz"} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err = c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(c, line+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection is still open", line)
		}
		_ = c.Close()
	}
}

func TestRunReportsADeadListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Rooms: &registry{}, Guard: authtest.Guard(t, auth.Config{}), Listener: l})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "serve 127.0.0.1") {
		t.Fatalf("got %v, want an error that names the address", err)
	}
}
