package stomp

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// TestMain looks for leaked goroutines for longer than goleak does by itself: SockJS keeps closed sessions for a while.
func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	code := m.Run()
	deadline := time.Now().Add(await.Patience)
	err := goleak.Find()
	for err != nil && time.Now().Before(deadline) {
		err = goleak.Find()
	}
	if err != nil && code == 0 {
		_, _ = fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const width, height, fps = 320, 180, 10

// server is a complete server without pages.
type server struct {
	url      string // http://host:port
	registry *room.Registry
	handler  *Handler
}

type setup struct {
	stomp  Config
	auth   auth.Config
	webrtc peer.Config
	rooms  map[string]room.Settings
}

func serve(t *testing.T, s setup) *server {
	t.Helper()
	base := signaltest.NewServer(t, signaltest.Config{
		Mixer: mixer.Config{Width: width, Height: height, FPS: fps, Bitrate: 800_000},
		Rooms: s.rooms, WebRTC: s.webrtc, Auth: s.auth,
	})
	handler := NewHandler(s.stomp, base.Registry, base.Engine, base.Guard, base.Log)
	return &server{base.Open(handler), base.Registry, handler}
}

// people are the names of the publishers in a room, in parentheses while they are away.
func (s *server) people(name string) string {
	info, err := s.registry.Info(name)
	if err != nil {
		return "no room"
	}
	var all []string
	for _, p := range info.Participants {
		if p.Away {
			p.Name = "(" + p.Name + ")"
		}
		all = append(all, p.Name)
	}
	return strings.Join(all, " ")
}

// stranger is a STOMP client whose frames the test writes itself. Every SockJS message that it receives must be a heart-beat
// or one whole frame.
type stranger struct {
	t       *testing.T
	version version
	send    func(message string) error
	in      <-chan string // SockJS messages; closed when the connection is
	end     func() error  // how the connection ended, after in was closed
	breaks  func()        // breaks the connection; nil for polls
	beats   int           // received heart-beats
}

var errTimeout = errors.New("nothing came")

// next returns the next frame.
func (x *stranger) next(within time.Duration) (frame, error) {
	timeout := time.After(within)
	for {
		select {
		case <-timeout:
			return frame{}, errTimeout
		case m, ok := <-x.in:
			switch {
			case !ok:
				return frame{}, x.end()
			case m == "\n":
				x.beats++
				continue
			}
			return x.read(m), nil
		}
	}
}

func (x *stranger) read(message string) frame {
	x.t.Helper()
	d := decoder{version: x.version}
	d.write(message)
	f, err := d.next()
	if err != nil || f == nil || d.rest != "" {
		x.t.Fatalf("a message that is not one frame: %q (%v)", message, err)
	}
	if f.command == "MESSAGE" && (f.headers.get("content-type") == "" || f.headers.get("message-id") == "") {
		x.t.Errorf("a MESSAGE without content-type or message-id: %q", message)
	}
	return *f
}

func (x *stranger) say(command, body string, h ...header) {
	x.t.Helper()
	if err := x.send(frame{command, h, body}.encode(x.version)); err != nil {
		x.t.Fatalf("say %s: %v", command, err)
	}
}

// hear returns the next frame, which must have this command.
func (x *stranger) hear(command string) frame {
	x.t.Helper()
	f, err := x.next(await.Patience)
	if err != nil || f.command != command {
		x.t.Fatalf("heard %v (%v); want %s", f, err, command)
	}
	return f
}

// hearFrom returns the next frame, which must be a MESSAGE of this destination.
func (x *stranger) hearFrom(destination string) frame {
	x.t.Helper()
	f := x.hear("MESSAGE")
	if f.headers.get("destination") != destination {
		x.t.Fatalf("heard %v; want a message of %s", f, destination)
	}
	return f
}

// refused checks that the next frame is an ERROR with this code and words, and that the end follows.
func (x *stranger) refused(code string, words ...string) frame {
	x.t.Helper()
	f := x.hear("ERROR")
	if f.headers.get("message") != code {
		x.t.Errorf("got error %s: %s; want %s", f.headers.get("message"), f.body, code)
	}
	for _, w := range words {
		if !strings.Contains(f.body, w) {
			x.t.Errorf("error %s says %q; want it to say %q", code, f.body, w)
		}
	}
	if g, err := x.next(await.Patience); err == nil || errors.Is(err, errTimeout) {
		x.t.Errorf("after the ERROR came %v (%v); want the end", g, err)
	}
	return f
}

// silent checks that nothing but heart-beats comes before the RECEIPT of a frame that it sends.
func (x *stranger) silent() {
	x.t.Helper()
	x.say("ACK", "", header{"id", "1"}, header{"receipt", "silent"})
	if f := x.hear("RECEIPT"); f.headers.get("receipt-id") != "silent" {
		x.t.Errorf("heard %v; want the receipt", f)
	}
}

// connect sends the CONNECT of stompjs, with more headers.
func (x *stranger) connect(h ...header) frame {
	x.t.Helper()
	x.say("CONNECT", "", append(headers{{"accept-version", "1.0,1.1,1.2"}, {"heart-beat", "0,0"}}, h...)...)
	f := x.hear("CONNECTED")
	x.version = version(f.headers.get("version"))
	return f
}

// subscribeAs subscribes to everything of the dialect.
func (x *stranger) subscribeAs(key, in string) {
	x.t.Helper()
	for i, d := range topicsOf(key, in) {
		x.say("SUBSCRIBE", "", header{"id", fmt.Sprint("sub-", i)}, header{"destination", d})
	}
}

func topicsOf(key, in string) []string {
	mine := "/" + key + "/" + in
	return []string{"/topic/peer/offer" + mine, "/topic/peer/answer" + mine, "/topic/peer/iceCandidate" + mine, "/topic/call/key", "/topic/send/key"}
}

// call sends call/key, as browsers do, and returns the key in the answer.
func (x *stranger) call() string {
	x.t.Helper()
	x.say("SEND", "[object Object]", header{"destination", "/app/call/key"})
	return strings.Trim(x.hearFrom("/topic/send/key").body, `"`)
}
