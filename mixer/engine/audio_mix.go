package engine

import (
	"context"
	"sync/atomic"
	"time"

	"azulejo/mixer/engine/pcm"
)

// audioMix mixes the audio of all sources in blocks of 20 ms, and pushes the blocks to the renditions. The goroutine that
// executes run is called the audio ticker.
type audioMix struct {
	cadence       cadence
	sources       func() []*source
	subscribers   audioSubscribers
	activeSpeaker atomic.Pointer[source] // written by the audio ticker

	// Owned by the audio ticker.
	sum      []int32             // the sum of blocks, before the limiter
	limiter  *pcm.Limiter        // the limiter of the common mix
	blocks   map[*source][]int16 // the blocks of the audible sources at this tick
	present  map[*source]bool    // the sources that the room had at the last tick
	recent   []audioBlock        // the last blocks of the common mix, at most primingBlocks
	detector speakerDetector[*source]
}

// primingBlocks is the number of earlier blocks that a new encoder gets, so that its packets continue the packets of another
// encoder. An Opus packet starts 6.5 ms before its block, and earlier audio affects an encoder for two blocks.
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

// maxCatchUp is the greatest number of late blocks that are mixed after a delay, so that the audio has no gaps. After a longer
// delay, such as a suspend of the machine, the late blocks are skipped.
const maxCatchUp = int64(2 * time.Second / blockTime)

// run mixes one block at each tick until ctx ends.
func (a *audioMix) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := a.cadence.newestDue() + 1; a.cadence.wait(ctx, timer, n); n++ {
		if due := a.cadence.newestDue(); due-n > maxCatchUp {
			n = due
		}
		a.mix(n)
	}
}

// mix pulls one block from every source, mixes the blocks, and pushes one mixed block to every rendition.
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
	common := audioBlock{pcm: make([]int16, blockLength), pts: a.cadence.timeOf(tick) - audioLatency, tick: tick}
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

// prime prepares a new rendition at its first tick. If a subscription moves to this rendition from another one, the audio must
// continue without a click. Therefore the limiter of the rendition gets the state of the common limiter, and its encoder gets
// the last blocks of the common mix. The packets of these blocks are not delivered. The last blocks of the common mix are also
// right for a mix-minus, because the excluded source was silent for 3 s before this tick.
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

// remember adds b to the last blocks of the common mix.
func (a *audioMix) remember(b audioBlock) {
	if len(a.recent) == primingBlocks {
		a.recent = a.recent[:copy(a.recent, a.recent[1:])]
	}
	a.recent = append(a.recent, b)
}

// pullAll collects the blocks of all audible sources, and detects the active speaker. The blocks are valid until the next call.
// A source that was removed from the room since the last tick fades out within one block.
func (a *audioMix) pullAll(tick int64) {
	tickTime := a.cadence.epoch.Add(a.cadence.timeOf(tick))
	clear(a.blocks)
	sources := a.sources()
	for _, src := range sources {
		delete(a.present, src)
		a.pull(src, tickTime, tick)
	}
	for src := range a.present {
		src.audio.muted.Store(true)
		a.pull(src, tickTime, tick)
	}
	clear(a.present)
	for _, src := range sources {
		a.present[src] = true
	}
	if active, ok := a.detector.decide(tickTime); ok {
		a.activeSpeaker.Store(active)
	} else {
		a.activeSpeaker.Store(nil)
	}
}

// pull collects the block of one source, and detects whether the source speaks.
func (a *audioMix) pull(src *source, tickTime time.Time, tick int64) {
	if block := src.audio.pull(tickTime); block != nil {
		a.blocks[src] = block
		src.audio.lastAudible = tick
	}
	if src.audio.muted.Load() {
		src.audio.speaking.Store(false)
		return
	}
	_, level := src.audio.status()
	src.audio.speaking.Store(a.detector.hear(tickTime, src, level))
}

// speaker returns the active speaker: the source that speaks, or spoke last. It returns nil before any source has
// spoken, and after the active speaker was muted or removed.
func (a *audioMix) speaker() *source { return a.activeSpeaker.Load() }
