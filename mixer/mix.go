package mixer

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/mixer/pcm"
)

// mixQueue is how many blocks may wait for an encoder. What finds no room is left out and counted.
const mixQueue = 100

// soundBlock is 20 ms of a mix; many may read it.
type soundBlock struct {
	pcm []int16
	at  time.Duration
}

// mix is a rendition of the sound: one encoder in a goroutine of its own, shared by all its sinks.
type mix struct {
	key     mixKey
	bitrate int
	log     *slog.Logger
	blocks  chan soundBlock
	quit    chan struct{}
	done    sync.WaitGroup
	sinks   fanout
	skipped atomic.Uint64
	meter   meter

	// Owned by the sound's ticker.
	sum     []int32
	limiter *pcm.Limiter
}

func newMix(key mixKey, bitrate int, log *slog.Logger) *mix {
	r := &mix{
		key: key, bitrate: bitrate, log: log.With("codec", key.id),
		blocks: make(chan soundBlock, mixQueue), quit: make(chan struct{}),
		sum: make([]int32, blockLength), limiter: pcm.NewLimiter(),
	}
	r.done.Go(r.run)
	return r
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

// put never blocks.
func (r *mix) put(b soundBlock) {
	select {
	case r.blocks <- b:
	default:
		r.skipped.Add(1)
	}
}

// run encodes; a hole in the time of its blocks begins a new encoder, whose timestamps are right again.
func (r *mix) run() {
	var encoder *codec.AudioEncoder
	var next time.Duration
	defer func() { encoder.Close() }()
	trouble, well := newLogOnce(r.log, "sound rendition")
	for {
		select {
		case <-r.quit:
			return
		case b := <-r.blocks:
			if encoder == nil || b.at != next {
				encoder.Close()
				var err error
				if encoder, err = codec.NewAudioEncoder(codec.AudioConfig{Codec: r.key.id, Bitrate: r.bitrate}); err != nil {
					trouble(err)
					continue
				}
			}
			next = b.at + blockTime
			packets, err := encoder.Encode(b.pcm, b.at)
			if err != nil {
				trouble(err)
				continue
			}
			well()
			r.deliver(packets)
		}
	}
}

func (r *mix) deliver(packets []codec.Packet) {
	for i, p := range packets {
		r.meter.add(len(p.Data))
		packets[i].Payloads = cutOnce(p)
	}
	r.sinks.deliver(packets, nil)
}

// refresh has nothing to do: every packet of sound is a key packet.
func (r *mix) refresh() {}

// close ends the encoder and waits for it.
func (r *mix) close() {
	close(r.quit)
	r.done.Wait()
}

func (r *mix) audience() *fanout { return &r.sinks }

func (r *mix) stats() RenditionStats {
	rate := r.meter.read()
	return RenditionStats{
		Codec: r.key.id, FPS: rate.PerSecond, Bitrate: rate.Bits,
		Sinks: len(r.sinks.all()), Skipped: r.skipped.Load(),
	}
}
