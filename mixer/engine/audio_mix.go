package engine

import (
	"context"
	"sync/atomic"
	"time"

	"azulejo/mixer/engine/pcm"
)

// sound mixes all sources in blocks of 20 ms and hands each rendition its mix.
type sound struct {
	cadence    cadence
	sources    func() []*source
	renditions listeners
	loudest    atomic.Pointer[source]

	// Owned by run.
	sum      []int32
	limiter  *pcm.Limiter
	heard    map[*source][]int16 // at this tick
	before   map[*source]bool    // could be heard at the last one
	recent   []soundBlock        // the last ones of the common mix
	speakers speaker[*source]
}

// priming is how many blocks of the past a new encoder gets to go on where another's packets end: the sound of
// a packet begins 6.5 ms before its block, and an encoder's memory fades within two.
const priming = 3

func newSound(m *Engine) *sound {
	cfg := m.cfg
	return &sound{
		cadence:    cadence{epoch: cfg.Epoch, rate: int64(time.Second / blockTime), per: time.Second},
		sources:    m.snapshot,
		renditions: listeners{engine: m, bitrate: cfg.SoundBitrate, log: m.log},
		sum:        make([]int32, blockLength),
		limiter:    pcm.NewLimiter(),
		heard:      map[*source][]int16{},
		before:     map[*source]bool{},
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
	s.pull(n)
	clear(s.sum)
	for _, block := range s.heard {
		pcm.Add(s.sum, block)
	}
	mixes := s.renditions.route(n)
	for _, r := range mixes {
		if !r.begun {
			s.begin(r)
		}
	}
	common := soundBlock{pcm: make([]int16, blockLength), at: s.cadence.at(n) - audioLatency, n: n}
	s.limiter.Process(common.pcm, s.sum)
	for _, r := range mixes {
		b := common
		if r.key.not != nil {
			b.pcm = r.without(s.sum, s.heard[r.key.not])
		}
		b.out = true
		r.put(b)
	}
	s.keep(common)
}

// begin lets r, which somebody moves to, go on where the common mix is. Its limiter is in the same state, and its
// encoder gets what went before, of which nobody hears the packets: whom r leaves out was not heard in it for long.
func (s *sound) begin(r *mix) {
	r.begun = true
	if !r.primed {
		return
	}
	*r.limiter = *s.limiter
	for _, b := range s.recent {
		r.put(b)
	}
}

// keep remembers the newest blocks of the common mix.
func (s *sound) keep(b soundBlock) {
	if len(s.recent) == priming {
		s.recent = s.recent[:copy(s.recent, s.recent[1:])]
	}
	s.recent = append(s.recent, b)
}

// pull takes the blocks of those who can be heard, valid until the next call, and finds who speaks. Who left
// since the last tick fades out.
func (s *sound) pull(n int64) {
	now := s.cadence.epoch.Add(s.cadence.at(n))
	clear(s.heard)
	here := s.sources()
	for _, src := range here {
		delete(s.before, src)
		s.hear(src, now, n)
	}
	for src := range s.before {
		src.sound.muted.Store(true)
		s.hear(src, now, n)
	}
	clear(s.before)
	for _, src := range here {
		s.before[src] = true
	}
	if who, ok := s.speakers.decide(now); ok {
		s.loudest.Store(who)
	} else {
		s.loudest.Store(nil)
	}
}

// hear takes the block of one source.
func (s *sound) hear(src *source, now time.Time, n int64) {
	if block := src.sound.pull(now); block != nil {
		s.heard[src] = block
		src.sound.heard = n
	}
	if src.sound.muted.Load() {
		src.sound.speaking.Store(false)
		return
	}
	_, level := src.sound.describe()
	src.sound.speaking.Store(s.speakers.hear(now, src, level))
}

// speaker is who speaks or spoke last; nil before the first, and when that one is muted or gone.
func (s *sound) speaker() *source { return s.loudest.Load() }
