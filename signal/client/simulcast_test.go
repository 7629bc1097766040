package client

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"azulejo/mixer"
	"azulejo/signal/peer"
	"azulejo/signal/signaltest/await"
)

// tray keeps what comes of each layer.
type tray struct {
	mu     sync.Mutex
	layers [peer.MaxLayers][][]byte
	sounds int
}

func (t *tray) WriteVideo(layer int, p mixer.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.layers[layer] = append(t.layers[layer], p.Data)
}

func (t *tray) WriteAudio(mixer.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sounds++
}

// has tells whether a layer brought data, and fails if it ever brought another's.
func (t *tray) has(test *testing.T, layer int, data []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, got := range t.layers[layer] {
		if !bytes.Equal(got, data) {
			test.Fatalf("layer %d brought %x; want %x", layer, got, data)
		}
	}
	return len(t.layers[layer]) > 0
}

// answerer is the least of a server: one peer behind a WebSocket.
type answerer struct {
	url    string
	up     *tray
	offers chan string
	peers  chan *peer.Peer
}

func serve(t *testing.T) *answerer {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	engine, err := peer.NewEngine(peer.Config{UDP: "127.0.0.1:0"}, log)
	if err != nil {
		t.Fatal(err)
	}
	a := &answerer{up: &tray{}, offers: make(chan string, 1), peers: make(chan *peer.Peer, 1)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }() // it may be gone already
		candidates := make(chan peer.Candidate, 64)
		p := engine.NewPeer(peer.Options{
			Upstream: a.up, Audio: true, Video: true, OnCandidate: func(c peer.Candidate) { candidates <- c },
		}, log)
		defer func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
		a.talk(conn, p, candidates)
	}))
	t.Cleanup(func() {
		web.Close()
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	a.url = "ws" + strings.TrimPrefix(web.URL, "http")
	return a
}

// talk answers until the client is gone.
func (a *answerer) talk(conn *websocket.Conn, p *peer.Peer, candidates <-chan peer.Candidate) {
	for {
		var m struct {
			serverMessage
			peer.Candidate
		}
		_, data, err := conn.ReadMessage()
		if err != nil || json.Unmarshal(data, &m) != nil {
			return
		}
		switch m.Type {
		case "join":
			_ = conn.WriteJSON(serverMessage{Type: "joined", ID: "1"}) // a failure ends the client's test
		case "offer":
			a.offers <- m.SDP
			answer, err := p.Answer(m.SDP)
			if err != nil {
				_ = conn.WriteJSON(serverMessage{Type: "error", Message: err.Error()})
				return
			}
			_ = conn.WriteJSON(serverMessage{Type: "answer", SDP: answer})
			_ = conn.WriteJSON(candidateMessage{"candidate", <-candidates})
			a.peers <- p
		case "candidate":
			_ = p.AddCandidate(m.Candidate)
		case "leave":
			return
		}
	}
}

// TestSimulcast: what is put into a layer comes out of that layer, requests reach the sender for each, and the
// limit follows the size of the tile.
func TestSimulcast(t *testing.T) {
	a := serve(t)
	var refreshes, limit atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := Dial(ctx, Config{
		URL: a.url, Room: "yard", PublishVideo: mixer.VP8, PublishAudio: true, Layers: 3,
		OnRefresh: func() { refreshes.Add(1) }, OnLimit: func(bits int) { limit.Store(int64(bits)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	if offer := <-a.offers; !strings.Contains(offer, "a=simulcast:send f;h;q") {
		t.Errorf("the offer has no simulcast:\n%s", offer)
	}
	p := <-a.peers
	p.Demand(mixer.Demand{Width: 320, Height: 180})
	data := make([][]byte, 3)
	for i := range data {
		data[i] = append([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00, byte(i)}, make([]byte, 3000)...)
	}
	n := 0
	put := func() bool {
		all := true
		for i := range data {
			if err := c.SendLayer(i, mixer.Packet{Codec: mixer.VP8, Data: data[i], PTS: time.Duration(n) * 40 * time.Millisecond, Key: true}); err != nil {
				t.Fatal(err)
			}
			all = a.up.has(t, i, data[i]) && all
		}
		n++
		return all
	}
	await.Until(t, "all layers", put)
	if err := c.SendLayer(3, mixer.Packet{}); err == nil {
		t.Error("a fourth layer was sent")
	}
	if got := c.Stats().Sent.Video.Units; got != uint64(3*n) {
		t.Errorf("counted %d units sent; want %d", got, 3*n)
	}
	p.RequestKeyframe()
	await.Until(t, "a request for each layer", func() bool { return refreshes.Load() >= 3 })
	for _, want := range []struct {
		d    mixer.Demand
		bits int64
	}{
		{mixer.Demand{Width: 320, Height: 180}, 320*180*10/3 + 48_000},
		{mixer.Demand{Width: 1920, Height: 1080}, 2_500_000 + 48_000},
	} {
		p.Demand(want.d)
		// REMB has 18 bits of mantissa.
		await.Until(t, "the limit", func() bool { got := limit.Load(); return got > want.bits*999/1000 && got <= want.bits })
	}
}

// TestOneLayerIsLayerZero: a client without simulcast.
func TestOneLayerIsLayerZero(t *testing.T) {
	a := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := Dial(ctx, Config{URL: a.url, Room: "yard", PublishVideo: mixer.VP8, PublishAudio: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	data := []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x10, 0x00, 0x10, 0x00, 7}
	await.Until(t, "the picture and the sound", func() bool {
		for _, err := range []error{
			c.SendVideo(mixer.Packet{Codec: mixer.VP8, Data: data}), c.SendAudio(mixer.Packet{Codec: mixer.Opus, Data: []byte{0xf8, 1}}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		a.up.mu.Lock()
		heard := a.up.sounds > 0
		a.up.mu.Unlock()
		return a.up.has(t, 0, data) && heard
	})
	a.up.mu.Lock()
	defer a.up.mu.Unlock()
	if slices.ContainsFunc(a.up.layers[1:], func(l [][]byte) bool { return len(l) > 0 }) {
		t.Error("another layer came")
	}
	if err := c.SendLayer(1, mixer.Packet{}); err == nil {
		t.Error("a second layer was sent")
	}
}
