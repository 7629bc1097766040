package engine

import (
	"log/slog"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/codec/pack"
	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// mixQueue is how many blocks may wait for an encoder. What finds no room is left out and counted.
const mixQueue = 100

// lossExpected is in percent of what viewers get. With any above 5 Opus repeats every packet roughly in the next
// one: a voice that lost a tenth of its packets is 10 dB nearer to what it was, for no more bits.
const lossExpected = 10

// mixKey names a rendition of sound: its format and whom it leaves out, if anybody.
type mixKey struct {
	id  mixer.Codec
	not *source
}

// soundBlock is 20 ms of a mix and whom it is for; many may read it.
type soundBlock struct {
	pcm []int16
	at  time.Duration
	n   int64 // the tick
	out bool  // false: it only prepares an encoder for the next block
}

// mix is a rendition of the sound: one encoder in a goroutine of its own, shared by all its listeners.
type mix struct {
	id      mixer.RenditionID
	emit    func(mixer.Event)
	key     mixKey
	bitrate int
	log     *slog.Logger
	blocks  chan soundBlock // closed to end the goroutine
	sinks   atomic.Pointer[[]*listener]
	skipped atomic.Uint64
	meter   mixer.Meter

	// Owned by the sound's ticker.
	primed  bool // its encoder must go on where another's is
	begun   bool
	sum     []int32
	limiter *pcm.Limiter

	// Owned by run.
	encoder *codec.AudioEncoder // nil before the first block, and while nothing is to be heard
	next    time.Duration       // when the encoder expects the next block to be
	quiet   int                 // blocks of silence in a row
	early   time.Duration       // by which an encoder's packets begin before their blocks
}

// quietBlocks is how much silence is encoded before the encoder ends: until then its sound has faded.
const quietBlocks = 10

func newMix(id mixer.RenditionID, emit func(mixer.Event), key mixKey, bitrate int, log *slog.Logger) *mix {
	return &mix{
		id: id, emit: emit, key: key, bitrate: bitrate, log: log.With("codec", key.id),
		blocks: make(chan soundBlock, mixQueue), sum: make([]int32, blockLength), limiter: pcm.NewLimiter(),
	}
}

// without returns the mix less what one source added to it, exactly; own is nil when that was nothing.
func (r *mix) without(sum []int32, own []int16) []int16 {
	copy(r.sum, sum)
	if own != nil {
		pcm.Sub(r.sum, own)
	}
	out := make([]int16, blockLength)
	r.limiter.Process(out, r.sum)
	return out
}

// put never blocks. Only the sound's ticker calls it.
func (r *mix) put(b soundBlock) {
	select {
	case r.blocks <- b:
	default:
		r.skipped.Add(1)
	}
}

// run encodes what is put, and says when there is no more.
func (r *mix) run() {
	defer func() {
		r.encoder.Close()
		r.emit(mixer.Ended{Rendition: r.id})
	}()
	trouble, well := newLogOnce(r.log, "sound rendition")
	for b := range r.blocks {
		packets, err := r.encode(b)
		if err != nil {
			trouble(err)
		} else {
			well()
		}
		r.deliver(b, packets)
	}
}

// encode begins a new encoder after a hole in the time of the blocks, so that timestamps are right again, and
// after silence of Opus, which needs none.
func (r *mix) encode(b soundBlock) (_ []mixer.Packet, err error) {
	if r.quiet++; !silent(b.pcm) {
		r.quiet = 0
	}
	if r.key.id == mixer.Opus && r.quiet > quietBlocks {
		r.encoder.Close()
		r.encoder = nil
		return []mixer.Packet{{Codec: mixer.Opus, Data: codec.OpusSilence(), PTS: b.at - r.early, Duration: blockTime, Key: true}}, nil
	}
	if r.encoder == nil || b.at != r.next {
		r.encoder.Close()
		cfg := codec.AudioConfig{Codec: r.key.id, Bitrate: r.bitrate, Loss: lossExpected}
		if r.encoder, err = codec.NewAudioEncoder(cfg); err != nil {
			return nil, err
		}
	}
	r.next = b.at + blockTime
	packets, err := r.encoder.Encode(b.pcm, b.at)
	if len(packets) > 0 {
		r.early = b.at - packets[0].PTS
	}
	return packets, err
}

// deliver sends what came of a block, which may be nothing: subscriptions wait for every tick.
func (r *mix) deliver(b soundBlock, packets []mixer.Packet) {
	if !b.out {
		return
	}
	for i, p := range packets {
		r.meter.Add(len(p.Data))
		packets[i].Boundaries = pack.Cut(p.Codec, p.Data)
	}
	r.emit(mixer.Delivery{Rendition: r.id, Tick: b.n, Packets: packets})
}

// listeners are the subscriptions that are routed to it; nobody writes to the list.
func (r *mix) listeners() []*listener {
	if p := r.sinks.Load(); p != nil {
		return *p
	}
	return nil
}

func (r *mix) stats() mixer.RenditionStats {
	rate := r.meter.Read()
	return mixer.RenditionStats{
		ID: r.id, Codec: r.key.id, FPS: rate.PerSecond, Bitrate: rate.Bits,
		Sinks: len(r.listeners()), Skipped: r.skipped.Load(),
	}
}
