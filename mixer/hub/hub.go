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

// Engine mixes one room. Send takes a command, never blocks, and may be called from any goroutine, also while an event
// is handled. Run lives until ctx ends, and has freed everything when it returns.
type Engine interface {
	Send(mixer.Command)
	Run(ctx context.Context) error
}

// Start makes an engine that is not running yet. It calls emit, from any of its goroutines, for every event.
type Start func(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (Engine, error)

// Hub holds the engine of one room.
type Hub struct {
	cfg      mixer.Config
	log      *slog.Logger
	engine   Engine
	ids      atomic.Uint64 // of sources, subscriptions and requests
	overload atomic.Int32
	requests requests
	work     sync.WaitGroup // passthroughs

	mu         sync.Mutex
	views      map[string]mixer.View
	sources    map[mixer.SourceID]*Source
	videoSubs  map[mixer.SubscriptionID]*VideoSubscription
	audioSubs  map[mixer.SubscriptionID]*AudioSubscription
	renditions map[mixer.RenditionID]*rendition
	audios     map[mixer.RenditionID]*audioRendition
	feeds      map[mixer.FeedID]*runningFeed // nil once the engine has ended
}

// New prepares a hub and its engine; Run makes them live.
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

// Run runs the engine until ctx ends. Requests that were not answered then end with mixer.ErrClosed.
func (h *Hub) Run(ctx context.Context) error {
	err := h.engine.Run(ctx)
	h.requests.close()
	h.endFeeds()
	h.endRenditions()
	h.work.Wait()
	return err
}

// endRenditions stops all passthroughs.
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

// Epoch is the zero of media time. It holds a monotonic reading, and lies on a multiple of the GOP.
func (h *Hub) Epoch() time.Time { return h.cfg.Epoch }

// Config is what the engine was started with, defaults filled in.
func (h *Hub) Config() mixer.Config { return h.cfg }

// Overload is how far the room is degraded, see mixer.Stats.
func (h *Hub) Overload() int { return int(h.overload.Load()) }

// Views returns the named views; the caller may keep the map.
func (h *Hub) Views() map[string]mixer.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.views)
}

// SetView defines a named view, or defines it anew; its viewers see the change at the next keyframe. The error names the
// field that is wrong and what is accepted.
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

// DeleteView removes a named view; its viewers see main from then on. Main goes back to the zero View. False means that
// there was none.
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

// Stats returns a snapshot. The error is that of ctx, or mixer.ErrClosed.
func (h *Hub) Stats(ctx context.Context) (mixer.Stats, error) {
	answer, err := h.ask(ctx, func(id mixer.RequestID) mixer.Command { return mixer.GetStats{Request: id} })
	if err != nil {
		return mixer.Stats{}, err
	}
	for i, r := range answer.stats.Renditions {
		if now := h.rendition(r.ID); now != nil {
			answer.stats.Renditions[i] = now.measured(r)
		}
	}
	return answer.stats, nil
}

func (h *Hub) rendition(id mixer.RenditionID) *rendition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.renditions[id]
}

// handle takes one event of the engine.
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
	case mixer.Delayed:
		if s := h.source(e.Source); s != nil {
			s.delay.Store(int64(e.Delay))
		}
	case mixer.Assigned:
		h.assign(e)
	case mixer.Routed:
		h.route(e)
	case mixer.OfferPassthrough:
		if r := h.rendition(e.Rendition); r != nil && r.pass != nil {
			r.pass.offer(e.Offer, h.source(e.Source))
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

func (h *Hub) source(id mixer.SourceID) *Source {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sources[id]
}

// deliver hands packets to the rendition that they are of.
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

// ended forgets a rendition.
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
