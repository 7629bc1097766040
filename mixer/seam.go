package mixer

import (
	"errors"
	"time"
)

// The seam between a room on the server's side and the engine that mixes it. Both sides talk by messages that are
// plain values, so that the engine may run in another process: commands go to the engine, events come from it.
// Commands of one sender are handled in their order. Events of one rendition, and events that one command causes, come
// in their order.

// SourceID numbers a source. The server's side chooses it; it is never used again. Zero is no source.
type SourceID uint64

// FeedID numbers a feed. The server's side chooses it; it is never used again.
type FeedID uint64

// SubscriptionID numbers a subscription. The server's side chooses it; it is never used again.
type SubscriptionID uint64

// RenditionID numbers a running encoder. The engine chooses it; it is never used again.
type RenditionID uint64

// RequestID ties an answer to its request. The server's side chooses it; zero wants no answer.
type RequestID uint64

// Command is a message to the engine.
type Command interface{ command() }

// Event is a message from the engine.
type Event interface{ event() }

// SourceSpec describes a new source.
type SourceSpec struct {
	ID     string // names the source in layouts; Name when empty
	Name   string // is drawn on the tile
	Place  int    // orders the tiles; sources of the same place are ordered by age
	Screen bool   // a shared screen, which is never cropped
	Layers int    // versions of the video (simulcast, sub-streams); layer 0 is the largest; zero means one
}

// WithDefaults fills what is zero.
func (s SourceSpec) WithDefaults() SourceSpec {
	if s.ID == "" {
		s.ID = s.Name
	}
	s.Layers = max(s.Layers, 1)
	return s
}

// Called tells whether name is the id or the name of the source.
func (s SourceSpec) Called(name string) bool { return name == s.ID || name == s.Name }

// Commands about sources.
type (
	// AddSource gives a source a tile, until RemoveSource.
	AddSource struct {
		Source SourceID
		Spec   SourceSpec
	}
	// RemoveSource frees a source and its decoders.
	RemoveSource struct{ Source SourceID }
	// MuteSource silences the audio and replaces the video by a placeholder.
	MuteSource struct {
		Source       SourceID
		Audio, Video bool
	}
	// SetAway says that the connection of the source broke and may come back.
	SetAway struct {
		Source SourceID
		Away   bool
	}
	// WriteVideo carries one access unit. The codec may change at a keyframe. Layers that the source was not announced
	// with are discarded.
	WriteVideo struct {
		Source SourceID
		Layer  int
		Packet Packet
	}
	// WriteAudio carries one audio frame of any codec.
	WriteAudio struct {
		Source SourceID
		Packet Packet
	}
	// RequestSourceKeyframe has the engine ask the sender for a keyframe, at most once a second.
	RequestSourceKeyframe struct{ Source SourceID }
)

// Commands about subscriptions. A subscription holds each rendition that it was assigned until it leaves it.
type (
	// Watch subscribes to the video of a view as H264 or VP8. The answer is ErrNoView for an unknown name.
	Watch struct {
		Request      RequestID
		Subscription SubscriptionID
		Watching     Watching
	}
	// Change moves a subscription to other video. Codec, Also, Profile and Keep of Watching are ignored. After an error
	// nothing has changed.
	Change struct {
		Request      RequestID
		Subscription SubscriptionID
		Watching     Watching
	}
	// Listen subscribes to the audio of all sources but Exclude, as Opus or AAC.
	Listen struct {
		Request      RequestID
		Subscription SubscriptionID
		Codec        Codec
		Exclude      SourceID // zero: nobody is left out
	}
	// Leave gives up one rendition of a subscription to video. The engine discards it if it has assigned that rendition again
	// while Leave was on its way, and makes a keyframe.
	Leave struct {
		Subscription SubscriptionID
		Rendition    RenditionID
	}
	// Unsubscribe ends a subscription of either kind.
	Unsubscribe struct{ Subscription SubscriptionID }
	// RequestKeyframe asks for a keyframe of a rendition. All requests within half a second get one.
	RequestKeyframe struct{ Rendition RenditionID }
	// SetPassthrough says whether the server's side sends the packets of the offered source instead of the rendition's. The
	// engine discards it if the offer is not the newest one.
	SetPassthrough struct {
		Rendition RenditionID
		Offer     uint64
		Active    bool
	}
)

// Commands about feeds: media that the engine reads or makes. Their packets come back as events, so that they are
// written to a source, and tapped, as any others.
type (
	// OpenFeed starts a file or a test pattern.
	OpenFeed struct {
		Feed FeedID
		Spec FeedSpec
	}
	// CloseFeed stops a feed.
	CloseFeed struct{ Feed FeedID }
	// RequestFeedKeyframe asks a feed for a keyframe; files have none to give.
	RequestFeedKeyframe struct{ Feed FeedID }
)

// Commands about the room.
type (
	// SetView defines a named view, or defines it anew. Subscriptions to it move to the new definition.
	SetView struct {
		Name string
		View View
	}
	// DeleteView removes a named view; its subscriptions move to main. Main itself becomes the zero View.
	DeleteView struct{ Name string }
	// GetStats is answered by Statistics.
	GetStats struct{ Request RequestID }
)

// Events that answer requests.
type (
	// Answer ends a request. Failure is nil after success.
	Answer struct {
		Request RequestID
		Failure *Failure
	}
	// Statistics answers GetStats.
	Statistics struct {
		Request RequestID
		Stats   Stats
	}
)

// Events about sources.
type (
	// KeyframeWanted asks the sender of a source for a keyframe, at most once a second.
	KeyframeWanted struct{ Source SourceID }
	// Demanded says that the use of a source's video has changed.
	Demanded struct {
		Source SourceID
		Demand Demand
	}
	// Delayed says for how long the video of a source is held so that it is shown with its audio. It is sent when that has
	// changed by a millisecond or more.
	Delayed struct {
		Source SourceID
		Delay  time.Duration
	}
)

// Events about feeds.
type (
	// Fed carries a packet of a feed.
	Fed struct {
		Feed   FeedID
		Packet Packet
	}
	// FeedEnded says that a feed has no more packets. Failure is nil after CloseFeed.
	FeedEnded struct {
		Feed    FeedID
		Failure *Failure
	}
)

// Events about renditions.
type (
	// Assigned says that a subscription to video gets Rendition from its next keyframe on. Rungs are the sizes in which
	// the watched video can be had now, largest first. It comes again, with the same rendition, when only Rungs change.
	Assigned struct {
		Subscription SubscriptionID
		Rendition    RenditionID
		Info         RenditionInfo
		Rungs        []Rung
	}
	// Routed says that a subscription to audio gets Rendition from tick Tick on. It comes before that tick is delivered.
	Routed struct {
		Subscription SubscriptionID
		Rendition    RenditionID
		Tick         int64
	}
	// Delivery carries what an encoder made of one canvas, or of one tick of 20 ms of audio; for audio that may be nothing.
	Delivery struct {
		Rendition RenditionID
		Tick      int64    // of audio
		Packets   []Packet // with their Boundaries
		Layout    *Layout  // what the video shows from here on; nil: as before
	}
	// OfferPassthrough says that the rendition shows nothing but Source, which sends video now: its packets may be
	// sent instead. Zero withdraws the offer before.
	OfferPassthrough struct {
		Rendition RenditionID
		Offer     uint64 // rises with every offer of the rendition
		Source    SourceID
	}
	// Ended says that a rendition has no more packets.
	Ended struct{ Rendition RenditionID }
	// Overloaded says how far the room is degraded, see Stats.Overload.
	Overloaded struct{ Level int }
)

// RenditionInfo describes a rendition of a view, and what its subscribers can decode.
type RenditionInfo struct {
	View        string // key of the view
	Codec, Also Codec  // of the rendition, and what its subscribers decode besides
	Size        Size
	Profile     uint8 // highest H.264 profile_idc that is passed through; zero: nothing is ever passed through
	Exact       bool  // no larger video than Size is passed through
}

func (AddSource) command()             {}
func (RemoveSource) command()          {}
func (MuteSource) command()            {}
func (SetAway) command()               {}
func (WriteVideo) command()            {}
func (WriteAudio) command()            {}
func (RequestSourceKeyframe) command() {}
func (Watch) command()                 {}
func (Change) command()                {}
func (Listen) command()                {}
func (Leave) command()                 {}
func (Unsubscribe) command()           {}
func (RequestKeyframe) command()       {}
func (SetPassthrough) command()        {}
func (SetView) command()               {}
func (DeleteView) command()            {}
func (GetStats) command()              {}
func (OpenFeed) command()              {}
func (CloseFeed) command()             {}
func (RequestFeedKeyframe) command()   {}

func (Answer) event()           {}
func (Statistics) event()       {}
func (KeyframeWanted) event()   {}
func (Demanded) event()         {}
func (Delayed) event()          {}
func (Assigned) event()         {}
func (Routed) event()           {}
func (Delivery) event()         {}
func (OfferPassthrough) event() {}
func (Ended) event()            {}
func (Overloaded) event()       {}
func (Fed) event()              {}
func (FeedEnded) event()        {}

// Failure is an error that has crossed the seam. errors.Is finds the sentinel of this package that it stands for.
type Failure struct {
	Kind string // "no view", "unsupported", "closed", or empty
	Text string
}

// sentinels are the errors that keep their identity across the seam, by Kind.
func sentinels() map[string]error {
	return map[string]error{"no view": ErrNoView, "unsupported": ErrUnsupported, "closed": ErrClosed}
}

// Fail makes a Failure of err; nil for nil.
func Fail(err error) *Failure {
	if err == nil {
		return nil
	}
	f := &Failure{Text: err.Error()}
	for kind, sentinel := range sentinels() {
		if errors.Is(err, sentinel) {
			f.Kind = kind
		}
	}
	return f
}

// Error is the text of the original error.
func (f *Failure) Error() string { return f.Text }

// Unwrap is the sentinel, or nil.
func (f *Failure) Unwrap() error { return sentinels()[f.Kind] }

// Err is f as an error; nil for nil.
func (f *Failure) Err() error {
	if f == nil {
		return nil
	}
	return f
}
