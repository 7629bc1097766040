package mixer

import (
	"errors"
	"time"
)

// The seam is the set of messages between the hub and the engine of a room's mixer. The hub sends commands to the engine, and
// the engine sends events to the hub. Commands and events are plain values, so that the engine may run in another process.
// Commands about sources and feeds take effect at once. The engine handles all other commands in the order in which they
// were sent. The events of one rendition keep their order, and so do the events that one command causes.

// SourceID identifies a source. The hub chooses it and never reuses it. Zero is no source.
type SourceID uint64

// FeedID identifies a feed. The hub chooses it and never reuses it.
type FeedID uint64

// SubscriptionID identifies a subscription. The hub chooses it and never reuses it.
type SubscriptionID uint64

// RenditionID identifies a running encoder. The engine chooses it and never reuses it.
type RenditionID uint64

// RequestID connects an answer to its request. The hub chooses it. The request with id zero gets no answer.
type RequestID uint64

// Command is a message to the engine.
type Command interface{ command() }

// Event is a message from the engine.
type Event interface{ event() }

// SourceSpec describes a new source.
type SourceSpec struct {
	ID     string // identifies the source in layouts; empty: Name
	Name   string // drawn on the tile
	Place  int    // position among the tiles; sources with equal places are in the order in which they were added
	Screen bool   // the video is a shared screen, which is never cropped
	Layers int    // number of layers of the video (simulcast, sub-streams); layer 0 is the largest; zero means one layer
	// FrozenAfter is how long the frames may stay the same until the source counts as Frozen; zero: it never does.
	FrozenAfter time.Duration
	// Solo keeps the audio out of the common mix, and the source from being the speaker. Only subscriptions that include the
	// source hear it.
	Solo bool
}

// WithDefaults returns s with defaults in place of zero fields.
func (s SourceSpec) WithDefaults() SourceSpec {
	if s.ID == "" {
		s.ID = s.Name
	}
	s.Layers = max(s.Layers, 1)
	return s
}

// Called reports whether name is the id of the source or its name.
func (s SourceSpec) Called(name string) bool { return name == s.ID || name == s.Name }

// Commands about sources.
type (
	// AddSource adds a source, which has a tile until RemoveSource.
	AddSource struct {
		Source SourceID
		Spec   SourceSpec
	}
	// RemoveSource frees a source and its decoders.
	RemoveSource struct{ Source SourceID }
	// MuteSource mutes the audio if Audio is true, and the video if Video is true. It unmutes otherwise. A placeholder
	// replaces muted video.
	MuteSource struct {
		Source       SourceID
		Audio, Video bool
	}
	// SetAway says whether the connection of the source is broken and may come back.
	SetAway struct {
		Source SourceID
		Away   bool
	}
	// ReportTrouble says why the sender's side gets no media of the source. The zero Trouble withdraws the last report. While
	// frames come, the report has no effect.
	ReportTrouble struct {
		Source  SourceID
		Trouble Trouble
	}
	// WriteVideo carries one access unit. The codec may change at a keyframe. The packet is discarded if Layer is not
	// below SourceSpec.Layers.
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
	// RequestSourceKeyframe requests a keyframe from the sender of a source. The engine answers with KeyframeWanted, at most
	// once a second.
	RequestSourceKeyframe struct{ Source SourceID }
)

// Commands about subscriptions. A subscription to video holds each rendition that the engine assigned to it, until Leave or
// Unsubscribe. The engine runs a rendition as long as any subscription holds the rendition.
type (
	// Watch subscribes to the video of a view as H264 or VP8. The answer is ErrNoView for an unknown name.
	Watch struct {
		Request      RequestID
		Subscription SubscriptionID
		Watching     Watching
	}
	// Change moves a subscription to other video. Codec, Also, Profile and Keep of Watching are ignored: they stay as they
	// were in Watch. After an error the subscription keeps its video.
	Change struct {
		Request      RequestID
		Subscription SubscriptionID
		Watching     Watching
	}
	// Listen subscribes to the audio of all sources except Exclude, as Opus or AAC.
	Listen struct {
		Request      RequestID
		Subscription SubscriptionID
		Codec        Codec
		Exclude      SourceID // zero: no source is left out
	}
	// Leave releases one rendition that a subscription to video holds. The rendition may be the one that the engine assigned
	// last: then the hub sent Leave before it received that Assigned. In this case the engine does not release the
	// rendition, and makes a keyframe of it.
	Leave struct {
		Subscription SubscriptionID
		Rendition    RenditionID
	}
	// Unsubscribe ends a subscription to video or audio.
	Unsubscribe struct{ Subscription SubscriptionID }
	// RequestKeyframe requests a keyframe of a rendition. One keyframe answers all requests within 0.5 s.
	RequestKeyframe struct{ Rendition RenditionID }
	// SetPassthrough says whether the hub sends the packets of the offered source instead of the packets of the rendition.
	// The engine ignores the command if Offer is not the newest offer.
	SetPassthrough struct {
		Rendition RenditionID
		Offer     uint64
		Active    bool
	}
)

// Commands about feeds: media that the engine reads from a file or generates. The engine sends the packets of feeds to the
// hub as events. The hub's caller writes these packets to a source, so that taps get them too.
type (
	// OpenFeed starts a file or a test pattern.
	OpenFeed struct {
		Feed FeedID
		Spec FeedSpec
	}
	// CloseFeed stops a feed.
	CloseFeed struct{ Feed FeedID }
	// RequestFeedKeyframe requests a keyframe of a test pattern. Files ignore it.
	RequestFeedKeyframe struct{ Feed FeedID }
)

// Commands about the room.
type (
	// SetView defines or redefines a named view. Subscriptions to it move to the new definition.
	SetView struct {
		Name string
		View View
	}
	// DeleteView removes a named view. Its subscriptions move to MainView. MainView itself becomes the zero View.
	DeleteView struct{ Name string }
	// GetStats requests a Statistics event.
	GetStats struct{ Request RequestID }
)

// Events that answer requests.
type (
	// Answer completes a request. Failure is nil after success.
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
	// KeyframeWanted asks the hub to request a keyframe from the sender of a source. It is sent at most once a second.
	KeyframeWanted struct{ Source SourceID }
	// Demanded says that the demand for a source's video has changed.
	Demanded struct {
		Source SourceID
		Demand Demand
	}
	// ConditionChanged says that the condition of a source has changed. The first one of a source comes soon after AddSource.
	// The engine checks the conditions four times a second.
	ConditionChanged struct {
		Source    SourceID
		Condition Condition
	}
	// Delayed says by how much lip sync delays the video of a source. It is sent after the delay has changed by 1 ms or more.
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
	// Assigned says that a subscription to video gets Rendition, from the rendition's next keyframe on. Rungs are the
	// available sizes of the watched video, the largest first. If only Rungs change, the event is sent again with the same
	// rendition.
	Assigned struct {
		Subscription SubscriptionID
		Rendition    RenditionID
		Info         RenditionInfo
		Rungs        []Rung
	}
	// Routed says that a subscription to audio gets Rendition, from the audio tick Tick on. It is sent before the delivery of
	// that tick.
	Routed struct {
		Subscription SubscriptionID
		Rendition    RenditionID
		Tick         int64
	}
	// Delivery carries the packets that an encoder made of one canvas, or of one tick of audio (20 ms). The delivery of a
	// tick of audio may have no packets.
	Delivery struct {
		Rendition RenditionID
		Tick      int64    // number of the audio tick; zero for video
		Packets   []Packet // with their Boundaries
		Layout    *Layout  // the layout of the video from these packets on; nil if the layout has not changed
	}
	// OfferPassthrough says that the rendition shows Source alone, and that Source sends video. The hub may then send the
	// packets of Source instead of the packets of the rendition. A Source of zero withdraws the last offer.
	OfferPassthrough struct {
		Rendition RenditionID
		Offer     uint64 // number of the offer; the numbers of a rendition rise
		Source    SourceID
	}
	// Ended is the last event of a rendition.
	Ended struct{ Rendition RenditionID }
	// Overloaded says that the level of overload has changed, see Stats.Overload.
	Overloaded struct{ Level int }
)

// RenditionInfo describes a rendition of a view, and the video that its subscriptions can decode.
type RenditionInfo struct {
	View    string // key of the view
	Codec   Codec  // codec of the encoder
	Also    Codec  // the other codec that the subscriptions can decode; empty if there is none
	Size    Size   // size of the encoded frames
	Profile uint8  // highest H.264 profile_idc that is passed through; zero: no passthrough
	Exact   bool   // video that is larger than Size is not passed through
}

func (AddSource) command()             {}
func (RemoveSource) command()          {}
func (MuteSource) command()            {}
func (SetAway) command()               {}
func (ReportTrouble) command()         {}
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
func (ConditionChanged) event() {}
func (Delayed) event()          {}
func (Assigned) event()         {}
func (Routed) event()           {}
func (Delivery) event()         {}
func (OfferPassthrough) event() {}
func (Ended) event()            {}
func (Overloaded) event()       {}
func (Fed) event()              {}
func (FeedEnded) event()        {}

// Failure is an error that has crossed the seam. It unwraps to a sentinel error of this package, so that errors.Is works.
type Failure struct {
	Kind string // "no view", "unsupported", "closed", or empty
	Text string
}

// sentinels maps each Failure.Kind to the sentinel error that errors.Is finds in the Failure.
func sentinels() map[string]error {
	return map[string]error{"no view": ErrNoView, "unsupported": ErrUnsupported, "closed": ErrClosed}
}

// Fail converts err to a Failure. It returns nil for nil.
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

// Error returns the text of the original error.
func (f *Failure) Error() string { return f.Text }

// Unwrap returns the sentinel error of f.Kind, or nil.
func (f *Failure) Unwrap() error { return sentinels()[f.Kind] }

// Err returns f as an error. It returns a nil error if f is nil.
func (f *Failure) Err() error {
	if f == nil {
		return nil
	}
	return f
}
