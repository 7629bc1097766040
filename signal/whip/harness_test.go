package whip_test

import (
	"context"
	"encoding/json"
	"image"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/client"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/whip"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

const (
	width, height, fps = 640, 360, 10
	patience           = 30 * time.Second // for anything that has to happen
)

// server is a whole server but for its pages.
type server struct {
	url     string
	house   *room.House
	engine  *peer.Engine
	handler *whip.Handler
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
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	house, err := room.NewHouse(room.Config{
		Mixer:  mixer.Config{Width: width, Height: height, FPS: fps, Bitrate: 1_500_000},
		Limits: s.limits, Rooms: s.rooms,
	}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	if s.webrtc.UDP == "" && s.webrtc.TCP == "" {
		s.webrtc.UDP, s.webrtc.TCP = "127.0.0.1:0", "127.0.0.1:0"
	}
	engine, err := peer.NewEngine(s.webrtc, log)
	if err != nil {
		t.Fatal(err)
	}
	guard, err := auth.New(s.auth)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- house.Run(ctx) }()
	handler := whip.NewHandler(s.whip, house, engine, guard, log)
	web := httptest.NewServer(handler)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		for _, close := range []func() error{handler.Close, func() error { cancel(); return <-done }, engine.Close} {
			if err := close(); err != nil {
				t.Error(err)
			}
		}
		web.Close()
		if n := engine.Stats().Peers; n != 0 {
			t.Errorf("%d peers are open after everything has ended", n)
		}
		if n := codec.LiveFrames(); n != 0 {
			t.Errorf("%d frames are alive after everything has ended", n)
		}
	})
	return &server{web.URL, house, engine, handler}
}

// testWriter shows warnings of the server with the test that caused them.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// people are who publishes in the room, and what is received from them; nobody where there is no room.
func (s *server) people() []room.ParticipantInfo {
	info, err := s.house.Info("yard")
	if err != nil {
		return nil
	}
	return info.Participants
}

// names are those of people, "!" behind who is away.
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

// answer is what came back to a request.
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

// picture is what a publisher of one colour sends.
type picture struct {
	id            codec.ID
	width, height int
	colour        codec.Colour
}

const pictureRate = 10

// packets are one second of it, beginning with a key picture. Something moves along the top: the mix of a picture that stands
// still is sent once a second.
func (p picture) packets(t *testing.T) []codec.Packet {
	t.Helper()
	e, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: p.id, Width: p.width, Height: p.height, FPS: pictureRate, Bitrate: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f, err := codec.NewFrame(p.width, p.height)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []codec.Packet
	for i := range pictureRate {
		f.Fill(f.Bounds(), p.colour)
		f.Fill(image.Rect(i*16, 0, i*16+16, 16), codec.RGB(255, 255, 255))
		out, err := e.Encode(f, time.Duration(i)*time.Second/pictureRate, i == 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out...)
	}
	return all
}

// tone is one second of Opus; hz is a whole number, so that seconds join without a click.
func tone(t *testing.T, hz float64) []codec.Packet {
	t.Helper()
	e, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: codec.Opus})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pcm := make([]int16, codec.SampleRate*codec.Channels)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i/codec.Channels)/codec.SampleRate))
	}
	all, err := e.Encode(pcm, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// play sends a loop of packets until the test ends.
func play(t *testing.T, packets []codec.Packet, put func(codec.Packet) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Play(ctx, client.Loop(packets, time.Second), put) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !strings.Contains(err.Error(), io.ErrClosedPipe.Error()) {
			t.Errorf("play: %v", err)
		}
	})
}

func near(a, b codec.Colour) bool {
	const tolerance = 12
	d := func(x, y uint8) int { return max(int(x), int(y)) - min(int(x), int(y)) }
	return d(a.Y, b.Y) <= tolerance && d(a.U, b.U) <= tolerance && d(a.V, b.V) <= tolerance
}
