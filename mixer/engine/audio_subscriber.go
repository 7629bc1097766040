package engine

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"azulejo/mixer"
)

// mixMinusHold is the number of ticks (3 s) for which a subscription keeps its mix-minus after the excluded source was last
// audible. By then the common mix is the same as the mix-minus.
const mixMinusHold = int64(3e9 / blockTime)

// audioSubscriber is a subscription to audio. It moves between the common mix and the mix without the source that it excludes, or with
// the source that it includes.
type audioSubscriber struct {
	id        mixer.SubscriptionID
	codec     mixer.Codec
	exclude   *source                        // nil: no source is left out
	included  *source                        // the Solo source that is added; nil: none; protected by audioSubscribers.mu
	rendition atomic.Pointer[audioRendition] // written under audioSubscribers.mu; nil before the first tick of the subscription
}

// key returns the key of the rendition that s gets at a tick. Sources that have not been audible for mixMinusHold are not in the
// key of an Opus subscription: with or without them, the mix is the same. An Opus subscription can move between mixes, because
// each Opus packet is one block. Subscriptions in other codecs never move, because their packets do not match the blocks.
func (s *audioSubscriber) key(tick int64) audioKey {
	heard := func(src *source) bool { return src != nil && tick-src.audio.lastAudible < mixMinusHold }
	key := audioKey{codec: s.codec}
	if s.exclude != nil && !s.exclude.cfg.Solo && (s.codec != mixer.Opus || heard(s.exclude)) {
		key.exclude = s.exclude
	}
	if s.codec == mixer.Opus && s.included != s.exclude && heard(s.included) {
		key.include = s.included
	}
	return key
}

// audioSubscribers holds all subscriptions to audio, and their renditions. Renditions start and stop at ticks. Safe for
// concurrent use.
type audioSubscribers struct {
	engine  *Engine
	bitrate int
	log     *slog.Logger

	mu         sync.Mutex
	all        []*audioSubscriber
	renditions map[audioKey]*audioRendition
	closed     bool
	work       sync.WaitGroup // the goroutines of renditions
}

// add adds a subscription to the audio of all sources except exclude. It gets packets from the next tick on.
func (a *audioSubscribers) add(codec mixer.Codec, exclude *source, id mixer.SubscriptionID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return fmt.Errorf("listen: %w", mixer.ErrClosed)
	}
	a.all = append(a.all, &audioSubscriber{id: id, codec: codec, exclude: exclude})
	return nil
}

// include adds the audio of src to the mix of a subscription, in place of the source that was included before. nil, and a source that
// is not Solo, include none. An unknown id is ignored.
func (a *audioSubscribers) include(id mixer.SubscriptionID, src *source) {
	if src != nil && !src.cfg.Solo {
		src = nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.IndexFunc(a.all, func(s *audioSubscriber) bool { return s.id == id }); i >= 0 {
		a.all[i].included = src
	}
}

// remove removes the subscription with the given id. An unknown id is ignored.
func (a *audioSubscribers) remove(id mixer.SubscriptionID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.all, func(s *audioSubscriber) bool { return s.id == id })
	if i >= 0 {
		a.detach(a.all[i])
		a.all = slices.Delete(a.all, i, i+1)
	}
}

// has reports whether there is a subscription with the given id.
func (a *audioSubscribers) has(id mixer.SubscriptionID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.all, func(s *audioSubscriber) bool { return s.id == id })
}

// detach removes s from its rendition, if it has one. The caller must hold a.mu.
func (a *audioSubscribers) detach(s *audioSubscriber) {
	r := s.rendition.Swap(nil)
	if r == nil {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(r.subscribers()), func(o *audioSubscriber) bool { return o == s })
	r.routed.Store(&rest)
}

// route moves each subscription to the rendition that it gets at a tick. It stops renditions without subscriptions and
// returns the others. Only the audio ticker may call it, because route closes queues into which the ticker pushes blocks.
func (a *audioSubscribers) route(tick int64) []*audioRendition {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.all {
		if key, r := s.key(tick), s.rendition.Load(); r == nil || r.key != key {
			a.move(s, key, tick)
		}
	}
	all := make([]*audioRendition, 0, len(a.renditions))
	for key, r := range a.renditions {
		if len(r.subscribers()) == 0 {
			close(r.blocks)
			delete(a.renditions, key)
		} else {
			all = append(all, r)
		}
	}
	return all
}

// move routes s to the rendition with the given key. If this rendition does not run, move starts it. A rendition that is
// started for a subscription that had another rendition is marked to be primed, see audioMix.prime. The caller must hold a.mu.
func (a *audioSubscribers) move(s *audioSubscriber, key audioKey, tick int64) {
	r := a.renditions[key]
	if r == nil {
		r = newAudioRendition(mixer.RenditionID(a.engine.ids.Add(1)), a.engine.emit, key, a.bitrate, a.log)
		r.continues = s.rendition.Load() != nil
		if a.renditions == nil {
			a.renditions = map[audioKey]*audioRendition{}
		}
		a.renditions[key] = r
		a.work.Go(r.run)
	}
	a.detach(s)
	next := append(slices.Clone(r.subscribers()), s)
	r.routed.Store(&next)
	s.rendition.Store(r)
	a.engine.emit(mixer.Routed{Subscription: s.id, Rendition: r.id, Tick: tick})
}

// close stops all renditions and waits for them. Later subscriptions are refused. The audio ticker must have stopped.
func (a *audioSubscribers) close() {
	a.mu.Lock()
	a.closed = true
	for key, r := range a.renditions {
		close(r.blocks)
		delete(a.renditions, key)
	}
	a.mu.Unlock()
	a.work.Wait()
}

// stats returns the statistics of all renditions with subscriptions. Renditions with the most subscriptions come first.
func (a *audioSubscribers) stats() []mixer.RenditionStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := []mixer.RenditionStats{}
	for _, r := range a.renditions {
		if len(r.subscribers()) > 0 {
			all = append(all, r.stats())
		}
	}
	slices.SortFunc(all, func(x, y mixer.RenditionStats) int { return cmp.Or(y.Sinks-x.Sinks, cmp.Compare(x.Codec, y.Codec)) })
	return all
}
