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

// Config names the server and the room, what to publish, and the callbacks for what is received.
type Config struct {
	URL    string      // of the server's native signalling: ws://host:port/ws
	Header http.Header // of the WebSocket request; may be nil
	Token  string      // JSON Web Token; may be empty

	Room string
	Name string
	Key  string // secret that gets the same place back after a loss of the connection; may be empty

	PublishVideo mixer.Codec // mixer.H264 or mixer.VP8; empty: no video
	PublishAudio bool        // Opus
	Layers       int         // simulcast layers, up to 3, see SendLayer; zero means one

	Screen bool // the published video is a shared screen

	View   bool          // receive the mix
	Select Selection     // what to watch first
	Accept []mixer.Codec // video codecs of the offer, the preferred one first; empty: H.264 and VP8

	// OnVideo and OnAudio receive the access units of the mix in order. Their PTS is the RTP time of the stream. The
	// callbacks may keep a packet. Either may be nil.
	OnVideo, OnAudio func(mixer.Packet)

	OnRefresh      func()                     // the server wants a keyframe of the published video
	OnLimit        func(bitrate int)          // the most bits a second that the server wants of a published track; repeatedly
	OnParticipants func([]Participant)        // of the room, after every change
	OnRendition    func(Rendition)            // a new rendition of the received video
	OnLayout       func(Layout)               // a new layout of the received video, just before the first frame that shows it
	OnTile         func(Tile)                 // the size of this client's video in the mix
	OnOverload     func(level int)            // the room's new level of overload
	OnError        func(code, message string) // refusals that did not end the session

	Log *slog.Logger // nil: silent
}

// Media is one property, such as being muted, of a participant's audio and of its video.
type Media struct {
	Audio bool `json:"audio"`
	Video bool `json:"video"`
}

// Participant is a publisher in the room.
type Participant struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Publish Media  `json:"publish"`
	Muted   Media  `json:"muted"`
}

// ServerError is a refusal of the server, or its reason to end the session.
type ServerError struct {
	Code    string
	Message string
}

// Error returns the code and the message.
func (e *ServerError) Error() string { return fmt.Sprintf("server said %s: %s", e.Code, e.Message) }

const (
	handshake    = 10 * time.Second // time limit for the WebSocket handshake, and for sending a message
	refreshEvery = time.Second      // after a loss: at most one request for a keyframe in this time
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

// where returns the URL for error texts. It leaves out the query, since that may contain a token.
func (c Config) where() string {
	address, _, _ := strings.Cut(c.URL, "?")
	return address
}

// formats returns the video codecs of the offer, the published one first.
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
