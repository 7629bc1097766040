package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// The sound of all sources is mixed in blocks of this length.
const (
	blockTime   = 20 * time.Millisecond
	blockLength = mixer.SampleRate / 50 * mixer.Channels // values in a block
)

// A source whose sound stays below audibleLevel, in dBFS, for audibleHold adds nothing to the mix.
const (
	audibleLevel = -60
	audibleHold  = time.Second
)

// soundPackets is how many packets may wait for a decoder.
const soundPackets = 32

// soundIn decodes one source's sound into a jitter buffer in a goroutine of its own; the mix pulls from it.
type soundIn struct {
	log      *slog.Logger
	born     time.Time
	packets  chan mixer.Packet
	quit     chan struct{}
	done     sync.WaitGroup
	muted    atomic.Bool
	speaking atomic.Bool // written by the sound's ticker
	invalid  atomic.Uint64

	mu      sync.Mutex
	buffer  *jitter
	clock   way // by the sender's wall clock
	level   float64
	id      mixer.Codec
	audible time.Time
	// pictured is when a picture last said how long sound has to wait for it.
	pictured time.Time

	// Owned by the sound's ticker.
	block []int16 // handed to the mix
	gain  float32 // at the end of the last block
	heard int64   // the last tick with something to hear
}

func newSoundIn(log *slog.Logger) *soundIn {
	s := &soundIn{
		log: log, born: time.Now(), packets: make(chan mixer.Packet, soundPackets), quit: make(chan struct{}),
		buffer: newJitter(), block: make([]int16, blockLength), level: pcm.Floor, heard: -privateHold,
	}
	s.done.Go(s.run)
	return s
}

// put never blocks: a packet that finds no room is dropped and heard as a short gap.
func (s *soundIn) put(p mixer.Packet) {
	select {
	case s.packets <- p:
	default:
		s.invalid.Add(1)
	}
}

// close ends the decoder and waits for it; what is put later is never decoded.
func (s *soundIn) close() {
	close(s.quit)
	s.done.Wait()
}

// next waits for a packet; false means that the source was closed.
func (s *soundIn) next() (mixer.Packet, bool) {
	select {
	case <-s.quit:
		return mixer.Packet{}, false
	case p := <-s.packets:
		return p, true
	}
}

func (s *soundIn) run() {
	var decoder soundDecoder
	defer decoder.close()
	trouble, well := newLogOnce(s.log, "sound")
	for p, ok := s.next(); ok; p, ok = s.next() {
		if s.muted.Load() {
			continue // nobody would hear it
		}
		if err := s.decode(&decoder, p, time.Now()); err != nil {
			s.invalid.Add(1)
			trouble(err)
			continue
		}
		well()
	}
}

// decode queues the sound of p, which came at now.
func (s *soundIn) decode(d *soundDecoder, p mixer.Packet, now time.Time) error {
	if err := d.open(p); err != nil {
		return err
	}
	restored := d.buf[:0]
	if p.Lost {
		restored = d.restore(restored, p, s.missing(p, now))
	}
	sound, err := d.decode(restored, p)
	if err != nil {
		return err
	}
	d.buf = sound
	s.push(p, sound[:len(restored)], sound[len(restored):], now)
	return nil
}

// missing is how much sound should have come before p.
func (s *soundIn) missing(p mixer.Packet, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buffer.missing(now.Sub(s.born), p.PTS)
}

// push queues what p became; both parts are copied.
func (s *soundIn) push(p mixer.Packet, restored, sound []int16, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id = p.Codec
	if p.Captured != 0 {
		s.clock.add(now.Sub(s.born), now.Sub(s.born)-p.Captured)
	}
	s.buffer.push(now.Sub(s.born), p.PTS, restored, sound)
}

// pull returns the block that is to be heard at now, valid until the next call, or nil when there is nothing
// to hear. It swells and fades within one block when it is muted or unmuted. Only the sound's ticker calls it.
func (s *soundIn) pull(now time.Time) []int16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = pcm.Floor
	if now.Sub(s.pictured) > lostAfter {
		s.buffer.least = 0 // there is no picture to wait for
	}
	if s.buffer.pull(now.Sub(s.born), s.block) {
		s.level = pcm.Level(s.block)
	}
	if !s.swell(now) {
		return nil
	}
	return s.block
}

// swell brings the gain to where it should be within one block, and tells whether that leaves anything.
func (s *soundIn) swell(now time.Time) bool {
	from, to := s.gain, float32(0)
	if s.level >= audibleLevel {
		if now.Sub(s.audible) > audibleHold && !s.muted.Load() {
			from = 1 // what was below cannot click, and a word begins whole
		}
		s.audible = now
	}
	if now.Sub(s.audible) <= audibleHold {
		to = 1
	}
	if s.muted.Load() {
		to, s.level = 0, pcm.Floor
	}
	pcm.Gain(s.block, from, to)
	s.gain = to
	return from != 0 || to != 0
}

// describe returns the format and the level in dBFS of the newest block.
func (s *soundIn) describe() (mixer.Codec, float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.level
}
