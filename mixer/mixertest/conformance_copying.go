package mixertest

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"log/slog"
	"sync"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// Copying is start for an engine that shares no memory with its hub: the configuration, every command and every event
// pass through an encoder and a decoder, so that only values cross. JSON would not do: Stats has fields that clients are
// not shown.
func Copying(start hub.Start) hub.Start {
	return func(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (hub.Engine, error) {
		commands, events := newCopier[mixer.Command](), newCopier[mixer.Event]()
		inner, err := start(newCopier[mixer.Config]().copy(cfg), func(e mixer.Event) { emit(events.copy(e)) }, log)
		if err != nil {
			return nil, err
		}
		return copyingEngine{inner, commands}, nil
	}
}

// copyingEngine copies commands on their way to an engine.
type copyingEngine struct {
	hub.Engine
	commands *copier[mixer.Command]
}

// Send copies a command and sends it.
func (e copyingEngine) Send(c mixer.Command) { e.Engine.Send(e.commands.copy(c)) }

// copier copies messages of one direction.
type copier[T any] struct {
	mu  sync.Mutex
	buf bytes.Buffer
	enc *gob.Encoder
	dec *gob.Decoder
}

func newCopier[T any]() *copier[T] {
	registerMessages()
	c := &copier[T]{}
	c.enc, c.dec = gob.NewEncoder(&c.buf), gob.NewDecoder(&c.buf)
	return c
}

// copy panics for a message that cannot be encoded, which is an error of the seam.
func (c *copier[T]) copy(in T) (out T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.enc.Encode(&in); err != nil {
		panic(fmt.Sprintf("encode %T: %v", in, err))
	}
	if err := c.dec.Decode(&out); err != nil {
		panic(fmt.Sprintf("decode %T: %v", in, err))
	}
	return out
}

// registerMessages names the concrete types of both directions; it may be called again.
func registerMessages() {
	for _, c := range []mixer.Command{
		mixer.AddSource{},
		mixer.RemoveSource{},
		mixer.MuteSource{},
		mixer.SetAway{},
		mixer.WriteVideo{},
		mixer.WriteAudio{},
		mixer.RequestSourceKeyframe{},
		mixer.Watch{},
		mixer.Change{},
		mixer.Listen{},
		mixer.Leave{},
		mixer.Unsubscribe{},
		mixer.RequestKeyframe{},
		mixer.SetPassthrough{},
		mixer.SetView{},
		mixer.DeleteView{},
		mixer.GetStats{},
		mixer.OpenFeed{},
		mixer.CloseFeed{},
		mixer.RequestFeedKeyframe{},
	} {
		gob.Register(c)
	}
	for _, e := range []mixer.Event{
		mixer.Answer{},
		mixer.Statistics{},
		mixer.KeyframeWanted{},
		mixer.Demanded{},
		mixer.Delayed{},
		mixer.Assigned{},
		mixer.Routed{},
		mixer.Delivery{},
		mixer.OfferPassthrough{},
		mixer.Ended{},
		mixer.Overloaded{},
		mixer.Fed{},
		mixer.FeedEnded{},
	} {
		gob.Register(e)
	}
}
