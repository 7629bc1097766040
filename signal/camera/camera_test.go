package camera

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/feed"
	"azulejo/signal/room"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Parallel tests wait for media in real time. They need no processor each, which is the default.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// recording keeps the packets that a feed delivers.
type recording struct {
	mu           sync.Mutex
	video, audio []mixer.Packet
}

func (r *recording) write(p mixer.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Codec.IsVideo() {
		r.video = append(r.video, p)
	} else {
		r.audio = append(r.audio, p)
	}
}

// startFeed opens files and test patterns as the server does.
func startFeed(spec mixer.FeedSpec) (Feed, error) { return feed.Open(spec) }

// openURL returns the feed of a URL of cfg.
func openURL(t *testing.T, cfg Config, url string) Feed {
	t.Helper()
	in, err := cfg.parse(url)
	if err != nil {
		t.Fatal(err)
	}
	f, err := in.open(startFeed)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestBadURLsAreNamed(t *testing.T) {
	for _, url := range []string{"", "gate", "ftp://x/y", "file:", "test:?w=9", "test:?fps=abc", "test:?tone=1e9", "test:%zz"} {
		err := Config{Name: "Gate", URL: url}.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), "url: ") {
			t.Errorf("url %q gave %v, want an error that names the key", url, err)
		}
	}
}

// closedRegistry refuses every Join.
type closedRegistry struct{ joins chan struct{} }

func (r closedRegistry) Join(context.Context, string, room.Joining) (*room.Member, error) {
	r.joins <- struct{}{}
	return nil, io.ErrUnexpectedEOF
}

func TestCameraTriesAgainUntilItsContextEnds(t *testing.T) {
	r := closedRegistry{make(chan struct{})}
	c := New(Config{Room: "yard", Name: "Gate", URL: "test:"}, r, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	<-r.joins
	<-c.Tried()
	<-r.joins
	cancel(errors.New("enough"))
	<-done
}
