package mixer

import (
	"context"
	"log/slog"
	"time"

	"azulejo/codec"
	"azulejo/mixer/pcm"
)

// sound mixes all sources in blocks of 20 ms and hands each rendition its mix.
type sound struct {
	cfg     Config
	cadence cadence
	sources func() []*Source
	log     *slog.Logger

	renditions renditions[mixKey, *mix]

	// Owned by run.
	sum     []int32
	limiter *pcm.Limiter
	heard   map[*Source][]int16
}

// mixKey names a rendition of sound: its format and whom it leaves out.
type mixKey struct {
	id  codec.ID
	not *Source
}

func newSound(cfg Config, sources func() []*Source, log *slog.Logger) *sound {
	return &sound{
		cfg:     cfg,
		cadence: cadence{epoch: cfg.Epoch, rate: int64(time.Second / blockTime), per: time.Second},
		sources: sources,
		log:     log,
		sum:     make([]int32, blockLength),
		limiter: pcm.NewLimiter(),
		heard:   map[*Source][]int16{},
	}
}

// maxCatchUp is how many blocks are made up for after a delay, so that sound has no holes; after a longer
// one, such as a machine that slept, the time between is left out.
const maxCatchUp = int64(2 * time.Second / blockTime)

func (s *sound) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := s.cadence.now() + 1; s.cadence.wait(ctx, timer, n); n++ {
		if due := s.cadence.now(); due-n > maxCatchUp {
			n = due
		}
		s.tick(n)
	}
}

// tick pulls one block from every source and puts one into every rendition.
func (s *sound) tick(n int64) {
	clear(s.sum)
	heard := s.pull()
	for _, block := range heard {
		pcm.Add(s.sum, block)
	}
	shared := make([]int16, blockLength)
	s.limiter.Process(shared, s.sum)
	at := s.cadence.at(n) - soundLatency
	for _, r := range s.renditions.list() {
		out := shared
		if r.key.not != nil {
			out = r.without(s.sum, heard[r.key.not])
		}
		r.put(soundBlock{out, at})
	}
}

// pull returns the blocks of those who can be heard, valid until the next call.
func (s *sound) pull() map[*Source][]int16 {
	clear(s.heard)
	for _, src := range s.sources() {
		if block := src.sound.pull(); block != nil {
			s.heard[src] = block
		}
	}
	return s.heard
}

// listen adds sink to the rendition in that format without that source.
func (s *sound) listen(id codec.ID, not *Source, sub *Subscription) error {
	key := mixKey{id, not}
	return s.renditions.join(key, sub, func() (*mix, error) { return newMix(key, s.cfg.SoundBitrate, s.log), nil })
}
