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

// Upstream receives the media that a client publishes. Its methods must not block. One goroutine for each video layer calls
// WriteVideo, and one goroutine calls WriteAudio. layer is the index of the layer in the client's a=simulcast, from 0 to
// MaxLayers-1. The order of the layers says nothing about their sizes.
type Upstream interface {
	WriteVideo(layer int, p mixer.Packet)
	WriteAudio(p mixer.Packet)
}

// trackReader reads the RTP packets of one received track and makes access units and audio frames from them. The codec of
// a packet is the codec of its payload type, so a client may change the codec without signalling.
type trackReader struct {
	track        *webrtc.TrackRemote
	codecs       map[uint8]webrtc.RTPCodecParameters // the negotiated codecs, by payload type
	chooseOutput func() func(mixer.Packet)           // returns output; called when the first access unit has come
	output       func(mixer.Packet)                  // gets the access units and audio frames; nil before the first
	log          *slog.Logger
	counts       *counts

	payloadType   uint8                             // the payload type that depack reads
	depack        *depack.Track                     // nil before the first usable packet
	senderReport  atomic.Pointer[rtcp.SenderReport] // the newest sender report; nil before the first
	appliedReport *rtcp.SenderReport                // the sender report that depack got last
	afterBreak    bool                              // the next access unit is the first of the track or of a depacketizer
	loggedAt      time.Time                         // when an unusable packet was last logged
}

// counts are counters that all track readers of a peer share. accessUnits counts audio frames too.
type counts struct{ packets, accessUnits, unusable atomic.Uint64 }

func newTrackReader(
	t *webrtc.TrackRemote, r *webrtc.RTPReceiver, chooseOutput func() func(mixer.Packet), c *counts, log *slog.Logger,
) *trackReader {
	out := &trackReader{
		track: t, chooseOutput: chooseOutput, counts: c, log: log.With("media", t.Kind().String()),
		codecs: map[uint8]webrtc.RTPCodecParameters{}, afterBreak: true,
	}
	for _, p := range r.GetParameters().Codecs {
		out.codecs[uint8(p.PayloadType)] = p
	}
	return out
}

// run reads packets until the connection ends. It counts unusable packets and discards them.
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

// trackEnded reports whether an error of ReadRTP means the end of the track. Other errors are about one packet.
func trackEnded(err error) bool {
	var opErr *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) || errors.As(err, &opErr)
}

func (r *trackReader) read(p *rtp.Packet) {
	r.counts.packets.Add(1)
	if len(p.Payload) == 0 {
		// A packet of padding, with which clients probe the bandwidth. The depacketizer needs its sequence number.
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

// applySenderReport passes a new sender report to the depacketizer, which maps RTP timestamps to the sender's clock.
func (r *trackReader) applySenderReport() {
	if sr := r.senderReport.Load(); sr != r.appliedReport {
		r.appliedReport = sr
		r.depack.Report(sr.RTPTime, sinceNTP(sr.NTPTime))
	}
}

// changeCodec flushes the depacketizer and makes a new one for another payload type. It returns false if no depacketizer can
// read the payload type, and then keeps the old one.
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
	r.depack, r.payloadType, r.afterBreak, r.appliedReport = next, payloadType, true, nil
	r.log.Debug("codec changed", "codec", string(codec), "payload_type", payloadType)
	return true
}

func (r *trackReader) flush() {
	if r.depack != nil {
		r.deliver(r.depack.Flush())
	}
}

// deliver passes access units or audio frames to output. It sets Lost on the first one after a break.
func (r *trackReader) deliver(packets []mixer.Packet) {
	for _, p := range packets {
		p.Lost = p.Lost || r.afterBreak
		r.afterBreak = false
		r.counts.accessUnits.Add(1)
		if r.output == nil {
			r.output = r.chooseOutput()
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

// readRTCP stores the newest sender report of the track until the connection ends. It must run for each track, because the
// interceptors get RTCP packets only when the packets are read. Simulcast layers share a receiver, and each layer reads its
// own RTCP packets by its RID. readRTCP ignores reports with an NTP time of 0: their sender has no clock (RFC 3550, section
// 6.4.1).
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
