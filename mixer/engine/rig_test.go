package engine

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// rig is an engine and the hub that commands it. Its methods wait until the engine has done what they request.
type rig struct {
	*Engine
	t   *testing.T
	hub *hub.Hub
}

// newRig makes an engine that does not run.
func newRig(t *testing.T, cfg mixer.Config) *rig {
	t.Helper()
	r := &rig{t: t}
	var err error
	r.hub, err = hub.New(cfg, func(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (hub.Engine, error) {
		var failed error
		r.Engine, failed = New(cfg, emit, log)
		return r.Engine, failed
	}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// settle waits until all commands are executed, and all renditions that they open or close are open or closed.
func (r *rig) settle() {
	for _, pending := range []*sync.WaitGroup{&r.opening, &r.closing} {
		done := make(chan struct{})
		if r.control.post(func() { pending.Wait(); close(done) }) {
			<-done
		}
	}
}

// SourceConfig is hub.SourceConfig without embedding.
type SourceConfig struct {
	ID, Name         string
	Place            int
	Screen           bool
	Layers           int
	KeyframeWanted   func()
	Demanded         func(mixer.Demand)
	FrozenAfter      time.Duration
	Solo             bool
	ConditionChanged func(mixer.Condition)
}

// publisher is a source on both sides of the seam.
type publisher struct {
	*source
	feed *hub.Source
}

func (r *rig) AddSource(cfg SourceConfig) *publisher {
	feed := r.hub.AddSource(hub.SourceConfig{
		SourceSpec:     mixer.SourceSpec{ID: cfg.ID, Name: cfg.Name, Place: cfg.Place, Screen: cfg.Screen, Layers: cfg.Layers, FrozenAfter: cfg.FrozenAfter, Solo: cfg.Solo},
		KeyframeWanted: cfg.KeyframeWanted, Demanded: cfg.Demanded, ConditionChanged: cfg.ConditionChanged,
	})
	return &publisher{r.source(feed.ID()), feed}
}

func (p *publisher) WriteVideo(packet mixer.Packet)            { p.feed.WriteVideo(0, packet) }
func (p *publisher) WriteLayer(layer int, packet mixer.Packet) { p.feed.WriteVideo(layer, packet) }
func (p *publisher) WriteAudio(packet mixer.Packet)            { p.feed.WriteAudio(packet) }
func (p *publisher) SetMuted(audio, video bool)                { p.feed.SetMuted(audio, video) }
func (p *publisher) SetAway(away bool)                         { p.feed.SetAway(away) }

// Close also waits until the decoders are freed.
func (p *publisher) Close() {
	p.feed.Close()
	p.engine.removing.Wait()
}

func (p *publisher) Stats() mixer.SourceStats { return p.stats() }

// sink is a hub.Sink without RTP payloads.
type sink interface{ WritePacket(mixer.Packet) }

// layoutSink is a hub.LayoutSink without RTP payloads.
type layoutSink interface {
	sink
	WriteLayout(*mixer.Layout, time.Duration)
}

// adapter makes a hub.Sink of a sink.
type adapter struct{ sink }

func (a adapter) WritePacket(p hub.Packet) {
	if cut, ok := a.sink.(interface{ keepPayloads([][]byte) }); ok {
		cut.keepPayloads(p.Payloads())
	}
	a.sink.WritePacket(p.Packet)
}

type layoutAdapter struct {
	adapter
	layoutSink
}

func (a layoutAdapter) WritePacket(p hub.Packet) { a.adapter.WritePacket(p) }

func adapt(s sink) hub.Sink {
	if l, ok := s.(layoutSink); ok {
		return layoutAdapter{adapter{s}, l}
	}
	return adapter{s}
}

// subscription is a hub.VideoSubscription whose Close waits until its renditions are closed.
type subscription struct {
	*hub.VideoSubscription
	rig *rig
}

func (r *rig) Watch(w mixer.Watching, s sink) (*subscription, error) {
	sub, err := r.hub.Watch(context.Background(), w, adapt(s))
	if err != nil {
		return nil, err
	}
	return &subscription{sub, r}, nil
}

func (s *subscription) Change(w mixer.Watching) error {
	return s.VideoSubscription.Change(context.Background(), w)
}

func (s *subscription) Close() {
	s.VideoSubscription.Close()
	s.rig.settle()
}

func (r *rig) Listen(id mixer.Codec, not *publisher, s sink) (*hub.AudioSubscription, error) {
	var exclude mixer.SourceID
	if not != nil {
		exclude = not.feed.ID()
	}
	return r.hub.Listen(context.Background(), id, exclude, adapt(s))
}

func (r *rig) Stats() mixer.Stats {
	st, err := r.hub.Stats(context.Background())
	if err != nil {
		r.t.Errorf("stats: %v", err)
	}
	return st
}

func (r *rig) SetView(name string, v mixer.View) error {
	err := r.hub.SetView(name, v)
	r.settle()
	return err
}

func (r *rig) DeleteView(name string) bool {
	known := r.hub.DeleteView(name)
	r.settle()
	return known
}

func (r *rig) Epoch() time.Time             { return r.hub.Epoch() }
func (r *rig) Views() map[string]mixer.View { return r.hub.Views() }
func (r *rig) Overload() int                { return r.hub.Overload() }

// Speaker is the id of the active speaker, empty if there is none.
func (r *rig) Speaker() string {
	if s := r.audio.speaker(); s != nil {
		return s.cfg.ID
	}
	return ""
}
