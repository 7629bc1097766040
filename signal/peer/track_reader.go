package peer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"azulejo/codec/depack"
	"azulejo/mixer"
)

// Upstream receives the media that a client publishes. Its methods must not block. They are called from one goroutine
// per video layer, and one for the audio. Layers are numbered in the order in which the client named them, which says
// nothing about their sizes. There are at most MaxLayers.
type Upstream interface {
	WriteVideo(layer int, p mixer.Packet)
	WriteAudio(p mixer.Packet)
}

// trackReader reads one received track: RTP in, access units out. The payload type of each packet decides about its
// codec, so that a client may change the codec without signalling.
type trackReader struct {
	track  *webrtc.TrackRemote
	codecs map[uint8]webrtc.RTPCodecParameters
	open   func() func(mixer.Packet) // chooses output, when the first access unit has come
	output func(mixer.Packet)        // nil before
	log    *slog.Logger
	counts *counts

	payloadType  uint8                             // of depack
	depack       *depack.Track                     // nil before the first usable packet
	senderReport atomic.Pointer[rtcp.SenderReport] // the newest; nil before the first
	applied      *rtcp.SenderReport                // the one that depack has
	afterBreak   bool                              // the next access unit follows a break
	loggedAt     time.Time                         // when an unusable packet was last logged
}

// counts are shared by all track readers of a peer.
type counts struct{ packets, accessUnits, unusable atomic.Uint64 }

func newTrackReader(t *webrtc.TrackRemote, r *webrtc.RTPReceiver, open func() func(mixer.Packet), c *counts, log *slog.Logger) *trackReader {
	out := &trackReader{
		track: t, open: open, counts: c, log: log.With("media", t.Kind().String()),
		codecs: map[uint8]webrtc.RTPCodecParameters{}, afterBreak: true,
	}
	for _, p := range r.GetParameters().Codecs {
		out.codecs[uint8(p.PayloadType)] = p
	}
	return out
}

// run reads until the connection ends. Unusable packets are only counted.
func (r *trackReader) run(ctx context.Context) {
	for ctx.Err() == nil {
		p, _, err := r.track.ReadRTP()
		switch {
		case err == nil:
			r.read(p)
		case trackEnded(err):
			return
		default:
			r.countUnusable("rtp", err)
		}
	}
}

// trackEnded tells the end of a track from a packet that could not be read.
func trackEnded(err error) bool {
	var opErr *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) || errors.As(err, &opErr)
}

func (r *trackReader) read(p *rtp.Packet) {
	r.counts.packets.Add(1)
	if len(p.Payload) == 0 {
		// Padding probes for bandwidth; the sequence number still counts.
		if r.depack != nil && p.PayloadType == r.payloadType {
			r.deliver(r.depack.Push(p))
		}
		return
	}
	if (r.depack == nil || p.PayloadType != r.payloadType) && !r.changeCodec(p.PayloadType) {
		return
	}
	r.applySenderReport()
	r.deliver(r.depack.Push(p))
}

// applySenderReport gives the newest sender report to the depacketizer, which maps RTP time to the sender's clock.
func (r *trackReader) applySenderReport() {
	if sr := r.senderReport.Load(); sr != r.applied {
		r.applied = sr
		r.depack.Report(sr.RTPTime, sinceNTP(sr.NTPTime))
	}
}

// changeCodec makes a depacketizer for another payload type. It returns false if there is none for it.
func (r *trackReader) changeCodec(payloadType uint8) bool {
	params, known := r.codecs[payloadType]
	codec := codecOf(params.MimeType)
	if !known || codec == "" {
		r.countUnusable("payload type", nil)
		return false
	}
	next, err := depack.New(codec, params.ClockRate)
	if err != nil {
		r.countUnusable("codec", err)
		return false
	}
	r.flush()
	r.depack, r.payloadType, r.afterBreak, r.applied = next, payloadType, true, nil
	r.log.Debug("codec changed", "codec", string(codec), "payload_type", payloadType)
	return true
}

func (r *trackReader) flush() {
	if r.depack != nil {
		r.deliver(r.depack.Flush())
	}
}

func (r *trackReader) deliver(packets []mixer.Packet) {
	for _, p := range packets {
		p.Lost = p.Lost || r.afterBreak
		r.afterBreak = false
		r.counts.accessUnits.Add(1)
		if r.output == nil {
			r.output = r.open()
		}
		r.output(p)
	}
}

// countUnusable counts an unusable packet and logs the count at most once in ten seconds.
func (r *trackReader) countUnusable(what string, err error) {
	n := r.counts.unusable.Add(1)
	if time.Since(r.loggedAt) < 10*time.Second {
		return
	}
	r.loggedAt = time.Now()
	r.log.Info("received rtp was unusable", "what", what, "total", n, "error", err)
}

// readRTCP reads the sender reports of the track until the connection ends. Interceptors see RTCP only when it is read.
// Simulcast layers share a receiver, which can read for a layer only after the layer has begun. A report without a time
// comes from a sender without a clock (RFC 3550, section 6.4.1).
func (r *trackReader) readRTCP(receiver *webrtc.RTPReceiver) {
	read := receiver.ReadRTCP
	if rid := r.track.RID(); rid != "" {
		read = func() ([]rtcp.Packet, interceptor.Attributes, error) { return receiver.ReadSimulcastRTCP(rid) }
	}
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == uint32(r.track.SSRC()) && sr.NTPTime != 0 {
				r.senderReport.Store(sr)
			}
		}
	}
}
