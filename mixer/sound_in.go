package mixer

import (
	"log/slog"
	"slices"
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
		s.push(id, out, p.Lost)
		well()
	}
}

// push queues sound, which it copies, after a guess of what was lost before it.
func (s *soundIn) push(id codec.ID, sound []int16, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id = id
	if lost {
		s.queue = append(s.queue, mirror(s.queue, len(sound))...)
	}
	s.queue = append(s.queue, sound...)
	if len(s.queue) > soundLimit {
		s.shorten()
	}
}

// mirror guesses what follows sound: the last n values, or as many as there are, played backwards, which
// goes on from the last value without a jump.
func mirror(sound []int16, n int) []int16 {
	n = min(n, len(sound))
	out := make([]int16, n)
	for i := 0; i < n; i += codec.Channels {
		copy(out[i:], sound[len(sound)-codec.Channels-i:][:codec.Channels])
	}
	return out
}

// shorten drops all but the newest soundDelay, fading from what would have come next to what comes instead.
func (s *soundIn) shorten() {
	const fade = blockLength / 4
	old, rest := s.queue[:fade], s.queue[len(s.queue)-soundDelay:]
	for i := range old {
		rest[i] = int16((int(old[i])*(fade-i) + int(rest[i])*i) / fade)
	}
	s.queue = s.queue[:copy(s.queue, rest)]
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
	if !s.playing && len(s.queue) > soundDelay {
		s.queue = s.queue[:copy(s.queue, s.queue[len(s.queue)-soundDelay:])]
	}
	s.advance()
	audible := s.swell(s.block)
	s.level = pcm.Level(s.block)
	if !audible {
		return nil
	}
	return s.block
}

// advance takes a block from the queue. What is missing at its end is guessed, to be faded out.
func (s *soundIn) advance() {
	if len(s.queue) >= len(s.block) {
		s.queue = s.queue[:copy(s.queue, s.queue[copy(s.block, s.queue):])]
		s.playing = true
		return
	}
	known := slices.Concat(s.block, s.queue)
	n := copy(s.block, s.queue)
	copy(s.block[n:], mirror(known, len(s.block)-n))
	s.queue, s.playing = s.queue[:0], false
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
