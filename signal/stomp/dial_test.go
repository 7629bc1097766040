package stomp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"azulejo/signal/signaltest/await"
)

// raw connects to /signaling/websocket, where each message is a frame.
func (s *server) raw(t *testing.T) *stranger { t.Helper(); return s.rawAt(t, "") }

func (s *server) rawAt(t *testing.T, query string) *stranger {
	t.Helper()
	ws, in, end := s.dial(t, "/signaling/websocket"+query, func(m string, put func(string)) error { put(m); return nil })
	send := func(m string) error { return ws.WriteMessage(websocket.TextMessage, []byte(m)) }
	return &stranger{t: t, version: v12, send: send, in: in, end: end, breaks: func() { _ = ws.Close() }}
}

// vanishing is a raw client whose TCP connection can be broken without a frame of STOMP or WebSocket.
func (s *server) vanishing(t *testing.T) (*stranger, func()) {
	t.Helper()
	ws, in, end := s.dial(t, "/signaling/websocket", func(m string, put func(string)) error { put(m); return nil })
	send := func(m string) error { return ws.WriteMessage(websocket.TextMessage, []byte(m)) }
	return &stranger{t: t, version: v12, send: send, in: in, end: end}, func() { _ = ws.NetConn().Close() }
}

// sockJS connects as StompConfig.SockJS of stomp_dart_client does: to a random server of three digits and a random
// session, without /info. It sends arrays of one message and reads the frames o, h, a and c.
func (s *server) sockJS(t *testing.T) *stranger {
	t.Helper()
	opened := make(chan struct{})
	path := fmt.Sprintf("/signaling/%03d/%s/websocket", 42, strings.ToLower(rand.Text()))
	ws, in, end := s.dial(t, path, func(m string, put func(string)) error {
		switch {
		case m == "o":
			close(opened)
		case m == "" || m == "h":
		case m[0] == 'c':
			return errors.New(m)
		case m[0] == 'a':
			var all []string
			if err := json.Unmarshal([]byte(m[1:]), &all); err != nil {
				return err
			}
			for _, one := range all {
				put(one)
			}
		default:
			return fmt.Errorf("what is %q", m)
		}
		return nil
	})
	send := func(m string) error { return ws.WriteJSON([]string{m}) }
	x := &stranger{t: t, version: v12, send: send, in: in, end: end, breaks: func() { _ = ws.Close() }}
	select {
	case <-opened:
	case <-time.After(await.Patience):
		t.Fatal("no o came")
	}
	return x
}

// dial reads a WebSocket until it ends; take is given each message.
func (s *server) dial(t *testing.T, path string, take func(message string, put func(string)) error) (*websocket.Conn, <-chan string, func() error) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"v10.stomp", "v11.stomp"}, HandshakeTimeout: await.Patience}
	ws, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	in := make(chan string, 10_000)
	var ended error
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(in)
		for ended == nil {
			var m []byte
			if _, m, ended = ws.ReadMessage(); ended == nil {
				ended = take(string(m), func(one string) { in <- one })
			}
		}
	})
	t.Cleanup(func() {
		_ = ws.Close()
		reading.Wait()
	})
	return ws, in, func() error { return ended }
}

// poll connects by xhr-polling.
func (s *server) poll(t *testing.T) *stranger {
	t.Helper()
	base := s.url + "/signaling/007/" + rand.Text()
	in := make(chan string, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	var ended error
	var polling sync.WaitGroup
	polling.Go(func() {
		defer close(in)
		for ended == nil {
			var text string
			if text, ended = post(ctx, base+"/xhr", ""); ended == nil {
				ended = polled(text, in)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		polling.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	send := func(m string) error {
		_, err := post(ctx, base+"/xhr_send", asJSON([]string{m}))
		return err
	}
	x := &stranger{t: t, version: v12, in: in, end: func() error { return ended }, send: send}
	if got := <-in; got != "o" {
		t.Fatalf("the first message is %q; want o", got)
	}
	return x
}

// polled reads the response of one poll.
func polled(text string, in chan<- string) error {
	text = strings.TrimSuffix(text, "\n")
	switch {
	case text == "o":
		in <- text
	case strings.HasPrefix(text, "c"):
		return errors.New(text)
	case strings.HasPrefix(text, "a"):
		var all []string
		if err := json.Unmarshal([]byte(text[1:]), &all); err != nil {
			return err
		}
		for _, m := range all {
			in <- m
		}
	}
	return nil
}

func post(ctx context.Context, url, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return "", err
	}
	if response.StatusCode >= 300 {
		return "", fmt.Errorf("%s: %s", response.Status, text)
	}
	return string(text), nil
}

// deaf enters a room and never reads again, with a small receive buffer.
func (s *server) deaf(t *testing.T, key, in string) {
	t.Helper()
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if tcp, ok := c.(*net.TCPConn); ok {
			err = errors.Join(err, tcp.SetReadBuffer(4096))
		}
		return c, err
	}}
	ws, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/signaling/websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	frames := []frame{{"CONNECT", headers{{"accept-version", "1.2"}}, ""}}
	for i, d := range topicsOf(key, in) {
		frames = append(frames, frame{"SUBSCRIBE", headers{{"id", fmt.Sprint(i)}, {"destination", d}}, ""})
	}
	for _, f := range frames {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(f.encode(v12))); err != nil {
			t.Fatal(err)
		}
	}
	await.Until(t, "the deaf one is in", func() bool {
		info, err := s.registry.Info(in)
		return err == nil && info.Viewers == 1
	})
}

// deafStream opens a session by xhr-streaming, sends messages, and never reads its stream.
func (s *server) deafStream(t *testing.T, base string, frames []string) {
	t.Helper()
	address := strings.TrimPrefix(s.url, "http://")
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if tcp, ok := c.(*net.TCPConn); !ok || tcp.SetReadBuffer(4096) != nil {
		t.Fatal("the read buffer has the size that it likes")
	}
	path := strings.TrimPrefix(base, s.url)
	if _, err := fmt.Fprintf(c, "POST %s/xhr_streaming HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", path, address); err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		await.Until(t, "the session is open", func() bool {
			_, err := post(t.Context(), base+"/xhr_send", asJSON([]string{f}))
			return err == nil
		})
	}
}
