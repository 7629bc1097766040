package client

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"azulejo/mixer"
)

// Config says whom to call, what to publish and what to do with what comes back.
type Config struct {
	URL    string      // of the server's /ws: ws://host:port/ws
	Header http.Header // of the WebSocket request; may be nil
	Token  string      // what lets the client in; may be empty

	Room string
	Name string
	Key  string // takes the same place again; may be empty

	PublishVideo mixer.Codec // codec.H264 or codec.VP8; empty: no picture
	PublishAudio bool        // Opus
	Layers       int         // of the picture (simulcast), each with packets of its own, see PutLayer; up to 3, zero is one

	Screen bool // the picture that is published is a shared screen

	View   bool          // receive the mix
	Select Selection     // which picture of it
	Accept []mixer.Codec // picture formats offered, in order; H.264 and VP8 when empty

	// OnVideo and OnAudio get the mix as access units in order; PTS is the stream's RTP time.
	// A packet may be kept. Either may be nil.
	OnVideo, OnAudio func(mixer.Packet)

	OnRefresh      func()                     // the server wants a key picture of what is published
	OnLimit        func(bitrate int)          // what the server wants at most of what is published, repeated; bits a second
	OnParticipants func([]Participant)        // after every change
	OnRendition    func(Rendition)            // what is received
	OnLayout       func(Layout)               // what the picture shows, in step with it
	OnTile         func(Tile)                 // how large this client's picture is shown
	OnOverload     func(level int)            // how far the server is degraded
	OnError        func(code, message string) // mistakes that did not end the session

	Log *slog.Logger // nil: silent
}

// Media says something about both media of a participant.
type Media struct {
	Audio bool `json:"audio"`
	Video bool `json:"video"`
}

// Participant is one who publishes.
type Participant struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Publish Media  `json:"publish"`
	Muted   Media  `json:"muted"`
}

// ServerError is what the server refused, or why it ended the session.
type ServerError struct {
	Code    string
	Message string
}

// Error tells both.
func (e *ServerError) Error() string { return fmt.Sprintf("server said %s: %s", e.Code, e.Message) }

const (
	handshake    = 10 * time.Second // to reach the server
	refreshEvery = time.Second      // at most one request for a key picture in this time
)

func (c Config) withDefaults() Config {
	if len(c.Accept) == 0 {
		c.Accept = []mixer.Codec{mixer.H264, mixer.VP8}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate names the first bad field and what it accepts.
func (c Config) Validate() error {
	if u, err := url.Parse(c.URL); err != nil || (u.Scheme != "ws" && u.Scheme != "wss") {
		return fmt.Errorf("url %q: accepted are ws:// and wss:// URLs", c.where())
	}
	for _, id := range c.formats() {
		if id != mixer.H264 && id != mixer.VP8 {
			return fmt.Errorf("picture format %q: accepted are %s, %s", id, mixer.H264, mixer.VP8)
		}
	}
	if c.Layers < 0 || c.Layers > len(rids) {
		return fmt.Errorf("%d layers: accepted are up to %d", c.Layers, len(rids))
	}
	if c.PublishVideo == "" && !c.PublishAudio && !c.View {
		return fmt.Errorf("nothing to publish and nothing to view: at least one is needed")
	}
	return nil
}

// where is the URL for messages: without a query, which may hold a token.
func (c Config) where() string {
	address, _, _ := strings.Cut(c.URL, "?")
	return address
}

// formats are the picture formats of the offer: what is published first.
func (c Config) formats() []mixer.Codec {
	var all []mixer.Codec
	if c.PublishVideo != "" {
		all = append(all, c.PublishVideo)
	}
	for _, id := range c.Accept {
		if id != c.PublishVideo {
			all = append(all, id)
		}
	}
	return all
}
