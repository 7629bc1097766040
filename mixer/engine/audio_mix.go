package engine

import (
	"context"
	"sync/atomic"
	"time"

	"azulejo/mixer/engine/pcm"
)

// audioMix mixes the audio of all sources in blocks of 20 ms, and pushes the blocks into the renditions. Its goroutine
// is the audio ticker, which runs run.
type audioMix struct {
	cadence       cadence
	sources       func() []*source
	subscribers   audioSubscribers
	activeSpeaker atomic.Pointer[source] // written by the audio ticker

	// Owned by the audio ticker.
	sum      []int32
	limiter  *pcm.Limiter
	blocks   map[*source][]int16 // of this tick, of sources that are audible
	present  map[*source]bool    // the sources at the last tick
	recent   []audioBlock        // the last blocks of the common mix
	detector speaker[*source]
}

// primingBlocks is how many earlier blocks a new encoder gets so that it continues where another encoder is. A packet
// starts 6.5 ms before its block, and an encoder's memory fades within two blocks.
const primingBlocks = 3

func newAudioMix(m *Engine) *audioMix {
	cfg := m.cfg
	return &audioMix{
		cadence:     cadence{epoch: cfg.Epoch, rate: int64(time.Second / blockTime), per: time.Second},
		sources:     m.snapshot,
		subscribers: audioSubscribers{engine: m, bitrate: cfg.AudioBitrate, log: m.log},
		sum:         make([]int32, blockLength),
		limiter:     pcm.NewLimiter(),
		blocks:      map[*source][]int16{},
		present:     map[*source]bool{},
	}
}

// maxCatchUp is how many late blocks are mixed after a delay, so that the audio has no gaps. After a longer delay, such
// as a suspend of the machine, the time between is left out.
const maxCatchUp = int64(2 * time.Second / blockTime)

func (a *audioMix) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := a.cadence.now() + 1; a.cadence.wait(ctx, timer, n); n++ {
		if due := a.cadence.now(); due-n > maxCatchUp {
			n = due
		}
		a.mix(n)
	}
}

// mix pulls one block from every source and pushes one into every rendition.
func (a *audioMix) mix(tick int64) {
	a.pullAll(tick)
	clear(a.sum)
	for _, block := range a.blocks {
		pcm.Add(a.sum, block)
	}
	renditions := a.subscribers.route(tick)
	for _, r := range renditions {
		if !r.started {
			a.prime(r)
		}
	}
	common := audioBlock{pcm: make([]int16, blockLength), pts: a.cadence.at(tick) - audioLatency, tick: tick}
	a.limiter.Process(common.pcm, a.sum)
	for _, r := range renditions {
		b := common
		if r.key.exclude != nil {
			b.pcm = r.without(a.sum, a.blocks[r.key.exclude])
		}
		b.deliver = true
		r.push(b)
	}
	a.remember(common)
}

// prime makes a new rendition continue where the common mix is, if a subscription moves to it from another rendition. Its
// limiter gets the state of the common one. Its encoder gets the last blocks of the common mix, whose packets are not
// delivered. The excluded source has been silent for 3 s, so the common mix is also its mix-minus.
func (a *audioMix) prime(r *audioRendition) {
	r.started = true
	if !r.continues {
		return
	}
	*r.limiter = *a.limiter
	for _, b := range a.recent {
		r.push(b)
	}
}

// remember keeps the last blocks of the common mix.
func (a *audioMix) remember(b audioBlock) {
	if len(a.recent) == primingBlocks {
		a.recent = a.recent[:copy(a.recent, a.recent[1:])]
	}
	a.recent = append(a.recent, b)
}

// pullAll collects the blocks of all audible sources, which are valid until the next call, and detects the active
// speaker. A source that was removed since the last tick fades out.
func (a *audioMix) pullAll(tick int64) {
	now := a.cadence.epoch.Add(a.cadence.at(tick))
	clear(a.blocks)
	here := a.sources()
	for _, src := range here {
		delete(a.present, src)
		a.pull(src, now, tick)
	}
	for src := range a.present {
		src.audio.muted.Store(true)
		a.pull(src, now, tick)
	}
	clear(a.present)
	for _, src := range here {
		a.present[src] = true
	}
	if active, ok := a.detector.decide(now); ok {
		a.activeSpeaker.Store(active)
	} else {
		a.activeSpeaker.Store(nil)
	}
}

// pull collects the block of one source and detects whether it speaks.
func (a *audioMix) pull(src *source, now time.Time, tick int64) {
	if block := src.audio.pull(now); block != nil {
		a.blocks[src] = block
		src.audio.heard = tick
	}
	if src.audio.muted.Load() {
		src.audio.speaking.Store(false)
		return
	}
	_, level := src.audio.status()
	src.audio.speaking.Store(a.detector.hear(now, src, level))
}

// speaker is the active speaker: the source that speaks, or spoke last. It is nil before the first one, and after the
// active speaker was muted or removed.
func (a *audioMix) speaker() *source { return a.activeSpeaker.Load() }
