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

// Copying returns a hub.Start that makes the same engines as start, but shares no memory between an engine and its hub. The
// configuration, every command and every event are encoded with gob and decoded again. The JSON of mixer.Stats would leave fields
// out.
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

// copyingEngine sends copies of commands to an engine.
type copyingEngine struct {
	hub.Engine
	commands *copier[mixer.Command]
}

// Send copies a command and sends it.
func (e copyingEngine) Send(c mixer.Command) { e.Engine.Send(e.commands.copy(c)) }

// copier copies the messages of one direction of the seam, or a configuration. Safe for concurrent use.
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

// copy returns a copy of message. It panics if message cannot be encoded, because every message of the seam must be a plain value.
func (c *copier[T]) copy(message T) (out T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.enc.Encode(&message); err != nil {
		panic(fmt.Sprintf("encode %T: %v", message, err))
	}
	if err := c.dec.Decode(&out); err != nil {
		panic(fmt.Sprintf("decode %T: %v", message, err))
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
		mixer.ReportTrouble{},
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
		mixer.ConditionChanged{},
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
