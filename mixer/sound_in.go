package mixer

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/mixer/pcm"
)

// The sound of all sources is mixed in blocks of this length.
const (
	blockTime   = 20 * time.Millisecond
	blockLength = codec.SampleRate / 50 * codec.Channels // values in a block
)

// How much sound a source's queue holds before it plays, and at most. What comes above the limit replaces
// the oldest, so that delay cannot grow.
const (
	soundDelay = 3 * blockLength
	soundLimit = 10 * blockLength
)

// soundLatency is how much later than its sender's picture a source's sound leaves the queue; the
// renditions' timestamps take it back.
const soundLatency = soundDelay / blockLength * blockTime

// soundPackets is how many packets may wait for a decoder.
const soundPackets = 32

// soundIn decodes one source's sound into a queue in a goroutine of its own; the mix pulls from it.
type soundIn struct {
	log     *slog.Logger
	packets chan codec.Packet
	quit    chan struct{}
	done    sync.WaitGroup
	muted   atomic.Bool
	invalid atomic.Uint64

	mu      sync.Mutex
	queue   []int16
	block   []int16 // handed to the mix
	playing bool
	gain    float32 // at the end of the last block
	level   float64
	id      codec.ID
}

func newSoundIn(log *slog.Logger) *soundIn {
	s := &soundIn{log: log, packets: make(chan codec.Packet, soundPackets), quit: make(chan struct{}), block: make([]int16, blockLength), level: pcm.Level(nil)}
	s.done.Go(s.run)
	return s
}

// put never blocks: a packet that finds no room is dropped and heard as a short gap.
func (s *soundIn) put(p codec.Packet) {
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
func (s *soundIn) next() (codec.Packet, bool) {
	select {
	case <-s.quit:
		return codec.Packet{}, false
	case p := <-s.packets:
		return p, true
	}
}

func (s *soundIn) run() {
	var decoder *codec.AudioDecoder
	var id codec.ID
	var buf []int16
	defer func() { decoder.Close() }()
	trouble, well := newLogOnce(s.log, "sound")
	for p, ok := s.next(); ok; p, ok = s.next() {
		if p.Codec != id {
			decoder.Close()
			d, err := codec.NewAudioDecoder(p.Codec, nil)
			if err != nil {
				decoder, id = nil, ""
				s.invalid.Add(1)
				trouble(err)
				continue
			}
			decoder, id = d, p.Codec
		}
		out, err := decoder.Decode(buf[:0], p)
		if err != nil {
			s.invalid.Add(1)
			trouble(err)
			continue
		}
		buf = out
		s.push(id, out)
		well()
	}
}

// push queues sound, which it copies.
func (s *soundIn) push(id codec.ID, sound []int16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id = id
	s.queue = append(s.queue, sound...)
	if len(s.queue) > soundLimit {
		n := copy(s.queue, s.queue[len(s.queue)-soundDelay:])
		s.queue = s.queue[:n]
	}
}

// pull returns the next block, valid until the next call, or nil when there is nothing to hear. Sound
// begins once enough is queued; it swells and fades within one block where it begins, ends, is muted or
// unmuted. Only the sound's ticker calls it.
func (s *soundIn) pull() []int16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.playing && len(s.queue) < soundDelay {
		s.level = pcm.Level(nil)
		return nil
	}
	n := copy(s.block, s.queue)
	s.queue = s.queue[:copy(s.queue, s.queue[n:])]
	clear(s.block[n:])
	s.playing = n == len(s.block)
	audible := s.swell(s.block[:n])
	s.level = pcm.Level(s.block)
	if !audible {
		return nil
	}
	return s.block
}

// swell brings the gain to where it should be within one block, and tells whether that leaves anything.
func (s *soundIn) swell(block []int16) bool {
	from, to := s.gain, float32(1)
	if s.muted.Load() || !s.playing {
		to = 0
	}
	if from != 1 || to != 1 {
		pcm.Gain(block, from, to)
	}
	s.gain = to
	return from != 0 || to != 0
}

func (s *soundIn) describe() (codec.ID, float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.level
}
