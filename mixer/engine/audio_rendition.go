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

// renditionQueue is how many blocks may wait for an audio encoder. A block that finds no room is dropped and counted.
const renditionQueue = 100

// lossExpected is the packet loss that Opus is configured for, in percent. With more than 5 Opus repeats each packet
// coarsely in the next one. A voice that lost a tenth of its packets was 10 dB nearer to the original at the same bitrate.
const lossExpected = 10

// audioKey identifies an audio rendition: its codec, and the source that it excludes.
type audioKey struct {
	id      mixer.Codec
	exclude *source // nil for the common mix
}

// audioBlock is 20 ms of a mix. It is shared and read-only.
type audioBlock struct {
	pcm     []int16
	pts     time.Duration
	tick    int64
	deliver bool // false: the block only prepares the encoder for the next one
}

// audioRendition is one encoder of the mix in a goroutine of its own, shared by all its subscribers.
type audioRendition struct {
	id      mixer.RenditionID
	emit    func(mixer.Event)
	key     audioKey
	bitrate int
	log     *slog.Logger
	blocks  chan audioBlock                    // closed to stop the goroutine
	routed  atomic.Pointer[[]*audioSubscriber] // the list is read-only
	skipped atomic.Uint64
	meter   mixer.Meter

	// Owned by the audio ticker.
	continues bool // its encoder has to continue where that of another rendition is
	started   bool // a tick has come
	sum       []int32
	limiter   *pcm.Limiter

	// Owned by run.
	encoder *codec.AudioEncoder // nil before the first block, and during silence of Opus
	nextPTS time.Duration       // of the block that the encoder expects
	quiet   int                 // blocks of silence in a row
	early   time.Duration       // by how much the encoder's packets start before their blocks
}

// quietBlocks is how much silence is encoded before the encoder is closed. By then the audio has faded out in it.
const quietBlocks = 10

func newAudioRendition(id mixer.RenditionID, emit func(mixer.Event), key audioKey, bitrate int, log *slog.Logger) *audioRendition {
	return &audioRendition{
		id: id, emit: emit, key: key, bitrate: bitrate, log: log.With("codec", key.id),
		blocks: make(chan audioBlock, renditionQueue), sum: make([]int32, blockLength), limiter: pcm.NewLimiter(),
	}
}

// without returns the mix without the block that one source added to it. own is nil if the source added nothing.
func (r *audioRendition) without(sum []int32, own []int16) []int16 {
	copy(r.sum, sum)
	if own != nil {
		pcm.Sub(r.sum, own)
	}
	out := make([]int16, blockLength)
	r.limiter.Process(out, r.sum)
	return out
}

// push queues a block for the encoder. It never blocks. Only the audio ticker calls it.
func (r *audioRendition) push(b audioBlock) {
	select {
	case r.blocks <- b:
	default:
		r.skipped.Add(1)
	}
}

// run encodes the queued blocks until the queue is closed, and then emits Ended.
func (r *audioRendition) run() {
	defer func() {
		r.encoder.Close()
		r.emit(mixer.Ended{Rendition: r.id})
	}()
	logFailure, logRecovery := newFailureLog(r.log, "sound rendition")
	for b := range r.blocks {
		packets, err := r.encode(b)
		if err != nil {
			logFailure(err)
		} else {
			logRecovery()
		}
		r.deliver(b, packets)
	}
}

// encode opens a new encoder after a gap between blocks, so that timestamps are right again. During silence of Opus no
// encoder is open: a constant packet replaces its output.
func (r *audioRendition) encode(b audioBlock) (_ []mixer.Packet, err error) {
	if r.quiet++; !silent(b.pcm) {
		r.quiet = 0
	}
	if r.key.id == mixer.Opus && r.quiet > quietBlocks {
		r.encoder.Close()
		r.encoder = nil
		return []mixer.Packet{{Codec: mixer.Opus, Data: codec.OpusSilence(), PTS: b.pts - r.early, Duration: blockTime, Key: true}}, nil
	}
	if r.encoder == nil || b.pts != r.nextPTS {
		r.encoder.Close()
		cfg := codec.AudioConfig{Codec: r.key.id, Bitrate: r.bitrate, Loss: lossExpected}
		if r.encoder, err = codec.NewAudioEncoder(cfg); err != nil {
			return nil, err
		}
	}
	r.nextPTS = b.pts + blockTime
	packets, err := r.encoder.Encode(b.pcm, b.pts)
	if len(packets) > 0 {
		r.early = b.pts - packets[0].PTS
	}
	return packets, err
}

// deliver emits the packets of a block. It emits a delivery even if there are none: subscriptions wait for every tick.
func (r *audioRendition) deliver(b audioBlock, packets []mixer.Packet) {
	if !b.deliver {
		return
	}
	for i, p := range packets {
		r.meter.Add(len(p.Data))
		packets[i].Boundaries = pack.Cut(p.Codec, p.Data)
	}
	r.emit(mixer.Delivery{Rendition: r.id, Tick: b.tick, Packets: packets})
}

// subscribers are the subscriptions that are routed to r. The list is read-only.
func (r *audioRendition) subscribers() []*audioSubscriber {
	if p := r.routed.Load(); p != nil {
		return *p
	}
	return nil
}

func (r *audioRendition) stats() mixer.RenditionStats {
	rate := r.meter.Read()
	return mixer.RenditionStats{
		ID: r.id, Codec: r.key.id, FPS: rate.PerSecond, Bitrate: rate.Bits,
		Sinks: len(r.subscribers()), Skipped: r.skipped.Load(),
	}
}
