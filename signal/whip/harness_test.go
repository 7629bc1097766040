package whip_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest"
	"azulejo/signal/whip"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

const (
	width, height, fps = 640, 360, 10
	pictureRate        = 10 // frames a second of publishers
	tolerance          = 12 // of colours, after two encoders
)

// server is a complete server without pages.
type server struct {
	url      string
	registry *room.Registry
	engine   *peer.Engine
	handler  *whip.Handler
}

type setup struct {
	limits room.Limits
	webrtc peer.Config
	auth   auth.Config
	whip   whip.Config
	rooms  map[string]room.Settings
}

func serve(t *testing.T, s setup) *server {
	t.Helper()
	base := signaltest.NewServer(t, signaltest.Config{
		Mixer:  mixer.Config{Width: width, Height: height, FPS: fps, Bitrate: 1_500_000},
		Limits: s.limits, Rooms: s.rooms, WebRTC: s.webrtc, Auth: s.auth,
	})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	handler := whip.NewHandler(s.whip, base.Registry, base.Engine, base.Guard, base.Log)
	return &server{base.Open(handler), base.Registry, base.Engine, handler}
}

// people are the publishers of the room; none if there is no room.
func (s *server) people() []room.ParticipantInfo {
	info, err := s.registry.Info("yard")
	if err != nil {
		return nil
	}
	return info.Participants
}

// names are those of people, with "!" behind one that is away.
func (s *server) names() string {
	var all []string
	for _, p := range s.people() {
		if p.Away {
			p.Name += "!"
		}
		all = append(all, p.Name)
	}
	return strings.Join(all, " ")
}

// answer is the response to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// problem is the body of a refusal.
func (a answer) problem(t *testing.T) (code, detail string) {
	t.Helper()
	var p struct {
		Title, Detail, Code string
		Status              int
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%d: %q: %v", a.status, a.body, err)
	}
	if a.header.Get("Content-Type") != "application/problem+json" || p.Status != a.status || p.Title == "" {
		t.Errorf("the problem is %s of type %s; want one of status %d", a.body, a.header.Get("Content-Type"), a.status)
	}
	return p.Code, p.Detail
}

// ask sends one request; header is a list of names and values.
func (s *server) ask(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(header, 2) {
		r.Header.Add(pair[0], pair[1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}
