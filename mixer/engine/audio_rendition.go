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

// renditionQueue is the number of blocks that may wait for an audio encoder. If the queue is full, new blocks are dropped and
// counted.
const renditionQueue = 100

// lossExpected is the packet loss that Opus is configured for, in percent. With a value above 5, each Opus packet also has a
// coarse copy of the audio of the packet before (in-band FEC). Measured with a voice of which a tenth of the packets was lost:
// at the same bitrate, the copy makes the error of the decoded audio 10 dB smaller.
const lossExpected = 10

// audioKey identifies an audio rendition: its codec, and the source that it excludes.
type audioKey struct {
	codec   mixer.Codec
	exclude *source // nil for the common mix
}

// audioBlock is the audio of a mix at one tick: 20 ms. It is shared and read-only.
type audioBlock struct {
	pcm     []int16
	pts     time.Duration // media time of the tick, less audioLatency
	tick    int64
	deliver bool // false: the block only prepares the encoder for the next block, and its packets are not delivered
}

// audioRendition encodes one mix in a goroutine of its own. All its subscribers share the encoder.
type audioRendition struct {
	id      mixer.RenditionID
	emit    func(mixer.Event)
	key     audioKey
	bitrate int
	log     *slog.Logger
	blocks  chan audioBlock                    // closed to stop the goroutine
	routed  atomic.Pointer[[]*audioSubscriber] // the subscriptions that are routed to this rendition; the slice is read-only
	skipped atomic.Uint64                      // blocks that were dropped because the queue was full
	meter   mixer.Meter

	// Owned by the audio ticker.
	continues bool         // a subscription moved to this rendition from another one, so the encoder must be primed
	started   bool         // the rendition has had its first tick
	sum       []int32      // the common sum without the excluded source
	limiter   *pcm.Limiter // the limiter of this mix; unused in renditions of the common mix

	// Owned by run.
	encoder *codec.AudioEncoder // nil before the first block, and during silence of Opus
	nextPTS time.Duration       // PTS of the block that the encoder expects next
	quiet   int                 // number of blocks of silence in a row, up to the last block
	early   time.Duration       // by how much the encoder's packets start before their blocks
}

// quietBlocks is the number of blocks of silence that are encoded before an Opus encoder is closed. By then the encoder's packets
// are silent too.
const quietBlocks = 10

func newAudioRendition(id mixer.RenditionID, emit func(mixer.Event), key audioKey, bitrate int, log *slog.Logger) *audioRendition {
	return &audioRendition{
		id: id, emit: emit, key: key, bitrate: bitrate, log: log.With("codec", key.codec),
		blocks: make(chan audioBlock, renditionQueue), sum: make([]int32, blockLength), limiter: pcm.NewLimiter(),
	}
}

// without returns the mix-minus of a source, limited. sum is the sum of all sources. own is the block that the source added to
// sum, or nil if the source added nothing.
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

// run encodes the queued blocks until the queue is closed. Then it frees the encoder and emits Ended.
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

// encode encodes a block. After a gap between blocks it opens a new encoder, so that the timestamps of packets are right again.
// After quietBlocks of silence it closes an Opus encoder. Then it returns a constant packet for each further block of silence.
func (r *audioRendition) encode(b audioBlock) (_ []mixer.Packet, err error) {
	if r.quiet++; !silent(b.pcm) {
		r.quiet = 0
	}
	if r.key.codec == mixer.Opus && r.quiet > quietBlocks {
		r.encoder.Close()
		r.encoder = nil
		return []mixer.Packet{{Codec: mixer.Opus, Data: codec.OpusSilence(), PTS: b.pts - r.early, Duration: blockTime, Key: true}}, nil
	}
	if r.encoder == nil || b.pts != r.nextPTS {
		r.encoder.Close()
		cfg := codec.AudioConfig{Codec: r.key.codec, Bitrate: r.bitrate, Loss: lossExpected}
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

// deliver emits the packets of a block, unless b.deliver is false. It emits a Delivery even if there are no packets, because the
// hub waits for every tick.
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

// subscribers returns the subscriptions that are routed to r. The slice is read-only.
func (r *audioRendition) subscribers() []*audioSubscriber {
	if p := r.routed.Load(); p != nil {
		return *p
	}
	return nil
}

func (r *audioRendition) stats() mixer.RenditionStats {
	rate := r.meter.Read()
	return mixer.RenditionStats{
		ID: r.id, Codec: r.key.codec, FPS: rate.PerSecond, Bitrate: rate.Bits,
		Sinks: len(r.subscribers()), Skipped: r.skipped.Load(),
	}
}
