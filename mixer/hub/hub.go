package hub

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// Engine mixes the media of one room. Send hands over a command and never blocks. It may be called from any goroutine, also
// while an event is handled. Run runs the engine until ctx ends, and frees everything before it returns.
type Engine interface {
	Send(mixer.Command)
	Run(ctx context.Context) error
}

// Start makes an engine, which Engine.Run starts. The engine calls emit for every event, from any of its goroutines.
type Start func(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (Engine, error)

// Hub is the server's side of one room's mixer. It owns the engine.
type Hub struct {
	cfg      mixer.Config
	log      *slog.Logger
	engine   Engine
	ids      atomic.Uint64 // the number that was given last, to a source, feed, subscription or request
	overload atomic.Int32  // the level of overload
	requests requests
	work     sync.WaitGroup // the goroutines of passthroughs

	mu         sync.Mutex
	views      map[string]mixer.View
	sources    map[mixer.SourceID]*Source
	videoSubs  map[mixer.SubscriptionID]*VideoSubscription
	audioSubs  map[mixer.SubscriptionID]*AudioSubscription
	renditions map[mixer.RenditionID]*rendition
	audios     map[mixer.RenditionID]*audioRendition
	feeds      map[mixer.FeedID]*runningFeed // nil once the engine has ended
}

// New makes a hub and its engine. Nothing runs until Run.
func New(cfg mixer.Config, start Start, log *slog.Logger) (*Hub, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	h := &Hub{
		cfg: cfg, log: log, views: map[string]mixer.View{mixer.MainView: {}}, sources: map[mixer.SourceID]*Source{},
		videoSubs: map[mixer.SubscriptionID]*VideoSubscription{}, audioSubs: map[mixer.SubscriptionID]*AudioSubscription{},
		renditions: map[mixer.RenditionID]*rendition{}, audios: map[mixer.RenditionID]*audioRendition{},
		feeds: map[mixer.FeedID]*runningFeed{},
	}
	engine, err := start(cfg, h.handle, log)
	if err != nil {
		return nil, err
	}
	h.engine = engine
	return h, nil
}

// Run runs the engine until ctx ends. Then the requests that still wait for an answer fail with mixer.ErrClosed.
func (h *Hub) Run(ctx context.Context) error {
	err := h.engine.Run(ctx)
	h.requests.close()
	h.endFeeds()
	h.endRenditions()
	h.work.Wait()
	return err
}

// endRenditions forgets all renditions and stops their passthroughs.
func (h *Hub) endRenditions() {
	h.mu.Lock()
	all := maps.Clone(h.renditions)
	clear(h.renditions)
	clear(h.audios)
	h.mu.Unlock()
	for _, r := range all {
		r.end()
	}
}

// Epoch returns the zero of media time, which has a monotonic clock reading. By default it is a multiple of the GOP on the
// wall clock.
func (h *Hub) Epoch() time.Time { return h.cfg.Epoch }

// Config returns the configuration of the engine, with defaults in place of zero fields.
func (h *Hub) Config() mixer.Config { return h.cfg }

// Overload returns the level of overload, see mixer.Stats.
func (h *Hub) Overload() int { return int(h.overload.Load()) }

// Views returns the named views. The caller owns the map.
func (h *Hub) Views() map[string]mixer.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.views)
}

// SetView defines or redefines a named view. Its viewers see the change at the next keyframe. The error names the first
// bad field and the accepted range.
func (h *Hub) SetView(name string, v mixer.View) error {
	if err := v.Validate(); err != nil {
		return err
	}
	h.mu.Lock()
	h.views[name] = v
	h.mu.Unlock()
	h.engine.Send(mixer.SetView{Name: name, View: v})
	return nil
}

// DeleteView removes a named view. Its viewers see mixer.MainView instead. MainView itself is not removed and becomes the
// zero View. DeleteView returns false if the room has no view of that name.
func (h *Hub) DeleteView(name string) bool {
	h.mu.Lock()
	_, known := h.views[name]
	delete(h.views, name)
	if name == mixer.MainView {
		h.views[name] = mixer.View{}
	}
	h.mu.Unlock()
	if known {
		h.engine.Send(mixer.DeleteView{Name: name})
	}
	return known
}

// Stats returns a snapshot of the room. The error is ctx.Err() or mixer.ErrClosed.
func (h *Hub) Stats(ctx context.Context) (mixer.Stats, error) {
	answer, err := h.ask(ctx, func(id mixer.RequestID) mixer.Command { return mixer.GetStats{Request: id} })
	if err != nil {
		return mixer.Stats{}, err
	}
	for i, r := range answer.stats.Renditions {
		if video := h.rendition(r.ID); video != nil {
			answer.stats.Renditions[i] = video.measured(r)
		}
	}
	return answer.stats, nil
}

// rendition returns the running rendition of a view with that id, or nil.
func (h *Hub) rendition(id mixer.RenditionID) *rendition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.renditions[id]
}

// handle handles one event of the engine.
func (h *Hub) handle(e mixer.Event) {
	switch e := e.(type) {
	case mixer.Delivery:
		h.deliver(e)
	case mixer.Answer:
		h.requests.answer(e.Request, reply{err: e.Failure.Err()})
	case mixer.Statistics:
		h.requests.answer(e.Request, reply{stats: e.Stats})
	case mixer.KeyframeWanted:
		if s := h.source(e.Source); s != nil {
			s.cfg.KeyframeWanted()
		}
	case mixer.Demanded:
		if s := h.source(e.Source); s != nil {
			s.demanded(e.Demand)
		}
	case mixer.ConditionChanged:
		if s := h.source(e.Source); s != nil {
			s.cfg.ConditionChanged(e.Condition)
		}
	case mixer.Delayed:
		if s := h.source(e.Source); s != nil {
			s.delay.Store(int64(e.Delay))
		}
	case mixer.Assigned:
		h.assign(e)
	case mixer.Routed:
		h.route(e)
	case mixer.OfferPassthrough:
		if r := h.rendition(e.Rendition); r != nil && r.passthrough != nil {
			r.passthrough.offer(e.Offer, h.source(e.Source))
		}
	case mixer.Ended:
		h.ended(e.Rendition)
	case mixer.Fed:
		if r := h.feed(e.Feed); r != nil {
			r.out(e.Packet)
		}
	case mixer.FeedEnded:
		if r := h.feed(e.Feed); r != nil {
			r.end(e.Failure.Err())
		}
	case mixer.Overloaded:
		h.overload.Store(int32(e.Level))
	}
}

// source returns the source with that id, or nil.
func (h *Hub) source(id mixer.SourceID) *Source {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sources[id]
}

// deliver hands the packets of a delivery to its rendition, of video or audio.
func (h *Hub) deliver(d mixer.Delivery) {
	h.mu.Lock()
	video, audio := h.renditions[d.Rendition], h.audios[d.Rendition]
	h.mu.Unlock()
	switch {
	case video != nil:
		video.deliver(d)
	case audio != nil:
		audio.deliver(d)
	}
}

// ended forgets a rendition that sends no more packets, and stops its passthrough.
func (h *Hub) ended(id mixer.RenditionID) {
	h.mu.Lock()
	video := h.renditions[id]
	delete(h.renditions, id)
	delete(h.audios, id)
	h.mu.Unlock()
	if video != nil {
		video.end()
	}
}
