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

// Config describes a client: its server and room, the media that it publishes and receives, and its callbacks. Each
// callback may be nil.
type Config struct {
	URL    string      // of the server's native signalling: ws://host:port/ws
	Header http.Header // of the WebSocket request; may be nil
	Token  string      // JSON Web Token; may be empty

	Room string
	Name string
	Key  string // secret by which the server knows a client that joins again, and gives it its place back; may be empty

	PublishVideo mixer.Codec // mixer.H264 or mixer.VP8; empty: no video
	PublishAudio bool        // Opus
	Layers       int         // number of simulcast layers, up to 3, see SendLayer; zero means one

	Screen bool // the published video is a shared screen

	View   bool          // receive the mix
	Select Selection     // the view and the rung that the client watches first
	Accept []mixer.Codec // video codecs of the offer, the preferred codec first; empty: H.264 and VP8

	// OnVideo and OnAudio are called with the access units of the mix in order. The PTS is made from the RTP timestamps of
	// the stream. The callbacks may keep a packet.
	OnVideo, OnAudio func(mixer.Packet)

	OnRefresh      func()                     // called when the server requests a keyframe of the published video
	OnLimit        func(bitrate int)          // called with each REMB for a published track: its highest bitrate, in bits a second
	OnParticipants func([]Participant)        // called after every change, with all participants of the room
	OnRendition    func(Rendition)            // called when the received video has a new rendition
	OnLayout       func(Layout)               // called when the received video has a new layout; Layout.RTP is its first frame
	OnTile         func(Tile)                 // called when the size of this client's video in the mix has changed
	OnOverload     func(level int)            // called with the room's new level of overload
	OnError        func(code, message string) // called when the server refuses a message and the session continues

	Log *slog.Logger // nil: nothing is logged
}

// Media is one property, such as being muted, of a participant's audio and of its video.
type Media struct {
	Audio bool `json:"audio"`
	Video bool `json:"video"`
}

// Participant describes a client or a camera that publishes in the room.
type Participant struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Publish Media  `json:"publish"`
	Muted   Media  `json:"muted"`
}

// ServerError is an error message of the server: a refusal, or the reason why the server ended the session.
type ServerError struct {
	Code    string
	Message string
}

// Error returns the code and the message.
func (e *ServerError) Error() string { return fmt.Sprintf("server said %s: %s", e.Code, e.Message) }

const (
	ioTimeout          = 10 * time.Second // for the WebSocket handshake, and for sending one message
	keyframeRequestGap = time.Second      // after losses, the shortest time between two keyframe requests
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
		return fmt.Errorf("url %q: accepted are ws:// and wss:// URLs", c.safeURL())
	}
	for _, codec := range c.videoCodecs() {
		if codec != mixer.H264 && codec != mixer.VP8 {
			return fmt.Errorf("picture format %q: accepted are %s, %s", codec, mixer.H264, mixer.VP8)
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

// safeURL returns the URL for error texts. It leaves out the query, because the query may contain a token.
func (c Config) safeURL() string {
	address, _, _ := strings.Cut(c.URL, "?")
	return address
}

// videoCodecs returns the video codecs of the offer, the published codec first.
func (c Config) videoCodecs() []mixer.Codec {
	var all []mixer.Codec
	if c.PublishVideo != "" {
		all = append(all, c.PublishVideo)
	}
	for _, codec := range c.Accept {
		if codec != c.PublishVideo {
			all = append(all, codec)
		}
	}
	return all
}
