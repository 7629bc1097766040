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

// Copying wraps start so that the engine shares no memory with its hub. The configuration, every command and every event
// pass through an encoder and a decoder, so that only values cross. The encoding is gob, because JSON leaves out fields of
// Stats that clients are not shown.
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

// copyingEngine is an engine that gets a copy of each command.
type copyingEngine struct {
	hub.Engine
	commands *copier[mixer.Command]
}

// Send sends a copy of c to the engine.
func (e copyingEngine) Send(c mixer.Command) { e.Engine.Send(e.commands.copy(c)) }

// copier copies the messages of one direction.
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

// copy returns a copy of in. It panics if in cannot be encoded, because that is an error in the definition of the seam.
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

// registerMessages registers the types of all commands and events with gob. It may be called more than once.
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
