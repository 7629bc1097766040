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

// Upstream takes what a client publishes. Its methods must not block; they are called from one
// goroutine per layer of the picture, and one for the sound. Layers count in the order in which the
// client named them, which says nothing about their sizes; there are at most MaxLayers.
type Upstream interface {
	WriteVideo(layer int, p mixer.Packet)
	WriteAudio(p mixer.Packet)
}

// uplink reads one received track: RTP in, access units out. Payload types decide about the
// codec, packet by packet, so that a client may change it without telling.
type uplink struct {
	track  *webrtc.TrackRemote
	codecs map[uint8]webrtc.RTPCodecParameters
	begin  func() func(mixer.Packet) // tells put, when the first unit has come
	put    func(mixer.Packet)        // nil before
	log    *slog.Logger
	counts *counts

	payload  uint8                             // of the current depacketizer
	depack   *depack.Track                     // nil before the first usable packet
	reported atomic.Pointer[rtcp.SenderReport] // the newest; nil before the first
	told     *rtcp.SenderReport                // that the depacketizer knows
	fresh    bool                              // the next unit follows a break
	bad      time.Time                         // when trouble was last reported
}

// counts are shared by all uplinks of a peer.
type counts struct{ packets, units, garbage atomic.Uint64 }

func newUplink(t *webrtc.TrackRemote, r *webrtc.RTPReceiver, begin func() func(mixer.Packet), c *counts, log *slog.Logger) *uplink {
	u := &uplink{
		track: t, begin: begin, counts: c, log: log.With("media", t.Kind().String()),
		codecs: map[uint8]webrtc.RTPCodecParameters{}, fresh: true,
	}
	for _, p := range r.GetParameters().Codecs {
		u.codecs[uint8(p.PayloadType)] = p
	}
	return u
}

// run reads until the connection ends. Whatever is wrong with a packet is only counted.
func (u *uplink) run(ctx context.Context) {
	for ctx.Err() == nil {
		p, _, err := u.track.ReadRTP()
		switch {
		case err == nil:
			u.push(p)
		case ended(err):
			return
		default:
			u.garbage("rtp", err)
		}
	}
}

// ended tells the end of a track from a packet that could not be read.
func ended(err error) bool {
	var opErr *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) || errors.As(err, &opErr)
}

func (u *uplink) push(p *rtp.Packet) {
	u.counts.packets.Add(1)
	if len(p.Payload) == 0 {
		// Padding probes for bandwidth; the sequence number still counts.
		if u.depack != nil && p.PayloadType == u.payload {
			u.deliver(u.depack.Push(p))
		}
		return
	}
	if (u.depack == nil || p.PayloadType != u.payload) && !u.change(p.PayloadType) {
		return
	}
	u.tell()
	u.deliver(u.depack.Push(p))
}

// tell passes on what the sender says about its clock.
func (u *uplink) tell() {
	if sr := u.reported.Load(); sr != u.told {
		u.told = sr
		u.depack.Report(sr.RTPTime, sinceNTP(sr.NTPTime))
	}
}

// change begins a depacketizer for another payload type and tells whether it could.
func (u *uplink) change(payload uint8) bool {
	params, known := u.codecs[payload]
	id := idOf(params.MimeType)
	if !known || id == "" {
		u.garbage("payload type", nil)
		return false
	}
	next, err := depack.New(id, params.ClockRate)
	if err != nil {
		u.garbage("codec", err)
		return false
	}
	u.flush()
	u.depack, u.payload, u.fresh, u.told = next, payload, true, nil
	u.log.Debug("codec changed", "codec", string(id), "payload_type", payload)
	return true
}

func (u *uplink) flush() {
	if u.depack != nil {
		u.deliver(u.depack.Flush())
	}
}

func (u *uplink) deliver(units []mixer.Packet) {
	for _, p := range units {
		p.Lost = p.Lost || u.fresh
		u.fresh = false
		u.counts.units.Add(1)
		if u.put == nil {
			u.put = u.begin()
		}
		u.put(p)
	}
}

// garbage counts, and says so once in ten seconds.
func (u *uplink) garbage(what string, err error) {
	n := u.counts.garbage.Add(1)
	if time.Since(u.bad) < 10*time.Second {
		return
	}
	u.bad = time.Now()
	u.log.Info("received rtp was unusable", "what", what, "total", n, "error", err)
}

// listen reads the sender reports of the track until the connection ends; reading is also what shows them to
// interceptors. Layers of simulcast share a receiver, which cannot read for all of them before the first has come. A
// report without a time is of a sender that has no clock (RFC 3550, section 6.4.1).
func (u *uplink) listen(r *webrtc.RTPReceiver) {
	read := r.ReadRTCP
	if rid := u.track.RID(); rid != "" {
		read = func() ([]rtcp.Packet, interceptor.Attributes, error) { return r.ReadSimulcastRTCP(rid) }
	}
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == uint32(u.track.SSRC()) && sr.NTPTime != 0 {
				u.reported.Store(sr)
			}
		}
	}
}
