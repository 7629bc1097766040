package peer

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// backlog is how many access units and audio frames may wait to be sent: 0.8 s of video and audio, at 30 video frames and 50
// audio frames a second.
const backlog = 64

// downstream sends video and audio to one viewer. Goroutines of the mixer push packets into a bounded queue. Only the
// goroutine of run writes to the network. When the queue is full, video is dropped up to the next keyframe.
type downstream struct {
	ctx      context.Context // lasts as long as the connection
	mix      Mixer           // of the room
	own      mixer.SourceID  // the source that the viewer's audio excludes; zero: none
	onLayout func(*mixer.Layout, uint32)
	queue    chan queuedPacket

	video, audio  *track // nil if the client does not receive this medium
	writeRTCP     func([]rtcp.Packet) error
	retransmitter *retransmitter
	selection     selection

	packets, bytes, frames, dropped, keyframeRequests atomic.Uint64
}

// queuedPacket is one access unit or audio frame that waits for its track.
type queuedPacket struct {
	binding *binding
	packet  hub.Packet
	layout  *mixer.Layout // the new layout that this frame shows; nil: unchanged
}

func newDownstream(ctx context.Context, opts Options) *downstream {
	return &downstream{
		ctx: ctx, mix: opts.Mixer, own: opts.Own, onLayout: opts.OnLayout, queue: make(chan queuedPacket, backlog),
		retransmitter: newRetransmitter(), selection: selection{wanted: opts.View},
	}
}

// addTracks makes a track for each kind of media in receives and adds it to pc. It returns the senders of the tracks. pion
// uses the transceivers of the client's offer. If there is no transceiver of a kind, pion makes one, which can be negotiated
// only in an offer of the server.
func (d *downstream) addTracks(pc *webrtc.PeerConnection, receives map[string]bool) ([]*webrtc.RTPSender, error) {
	d.writeRTCP = pc.WriteRTCP
	var senders []*webrtc.RTPSender
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if !receives[kind.String()] {
			continue
		}
		t := newTrack(kind, d.retransmitter)
		sender, err := pc.AddTrack(t)
		if err != nil {
			return nil, fmt.Errorf("add %s track: %w", kind, err)
		}
		senders = append(senders, sender)
		if kind == webrtc.RTPCodecTypeVideo {
			d.video = t
		} else {
			d.audio = t
		}
	}
	return senders, nil
}

// run subscribes to video and audio, calls onSubscribed, and sends media until ctx ends.
func (d *downstream) run(ctx context.Context, onSubscribed func()) error {
	if err := d.watch(); err != nil {
		return err
	}
	defer d.selection.unsubscribe()
	audio, err := d.listen()
	if err != nil {
		return err
	}
	defer audio.Close() // audio may be nil
	onSubscribed()
	d.sendAll(ctx)
	return nil
}

// sendAll sends packets and sender reports until ctx ends. It sends the first report of a stream right after the first
// packet, because a receiver cannot synchronize audio and video before it has a report of each stream.
func (d *downstream) sendAll(ctx context.Context) {
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			d.sendReports()
		case q := <-d.queue:
			d.send(q)
			if !q.binding.reported {
				d.sendReport(q.binding)
			}
		}
	}
}

// watch subscribes to video, if the client receives video.
func (d *downstream) watch() error {
	b := d.video.binding()
	if b == nil {
		return nil
	}
	return d.selection.subscribe(d.ctx, d.mix, b, &videoSink{d: d, binding: b})
}

// listen subscribes to audio. It returns nil if the client receives no audio.
func (d *downstream) listen() (*hub.AudioSubscription, error) {
	b := d.audio.binding()
	if b == nil {
		return nil, nil
	}
	sub, err := d.mix.Listen(d.ctx, b.codec, d.own, audioSink{d: d, binding: b})
	if err != nil {
		return nil, fmt.Errorf("listen as %s: %w", b.codec, err)
	}
	return sub, nil
}

// send sends one access unit or audio frame. It calls onLayout first if the frame has a new layout. A failed write is only
// counted, because ICE decides when the connection is over.
func (d *downstream) send(q queuedPacket) {
	timestamp := q.binding.nextTimestamp(q.packet.PTS)
	if q.layout != nil && d.onLayout != nil {
		d.onLayout(q.layout, timestamp)
	}
	packets, bytes, err := q.binding.write(q.packet, timestamp)
	d.packets.Add(uint64(packets))
	d.bytes.Add(uint64(bytes))
	if err != nil {
		d.dropped.Add(1)
		return
	}
	if q.packet.Codec.IsVideo() {
		d.frames.Add(1)
	}
}

// audioSink is the hub.Sink that pushes audio into the queue of a downstream.
type audioSink struct {
	d       *downstream
	binding *binding
}

// WritePacket queues a packet, or drops it if the queue is full. It never blocks.
func (s audioSink) WritePacket(p hub.Packet) {
	select {
	case s.d.queue <- queuedPacket{binding: s.binding, packet: p}:
	default:
		s.d.dropped.Add(1)
	}
}

// readRTCP handles the viewer's RTCP packets about one track until the connection ends. The retransmitter gets NACKs only
// when readRTCP reads them. pion delivers a compound packet once for each track that the packet is about.
func (d *downstream) readRTCP(sender *webrtc.RTPSender, log *slog.Logger) {
	t, _ := sender.Track().(*track)
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				d.requestKeyframe()
			case *rtcp.ReceiverReport:
				d.onReceptionReports(t, p.Reports, log)
			case *rtcp.SenderReport: // a client that publishes sends its reception reports in sender reports
				d.onReceptionReports(t, p.Reports, log)
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				d.selection.onREMB(time.Now(), float64(p.Bitrate))
			}
		}
	}
}

// onReceptionReports passes the reports about the video to the selection. It ignores reports about the audio.
func (d *downstream) onReceptionReports(t *track, reports []rtcp.ReceptionReport, log *slog.Logger) {
	b := t.binding()
	if b == nil || t != d.video {
		return
	}
	for _, r := range reports {
		if r.SSRC != b.ssrc {
			continue
		}
		if err := d.selection.onReport(d.ctx, parseReport(r, time.Now())); err != nil {
			log.Warn("viewer stays at its rung", "error", err)
		}
	}
}

// requestKeyframe counts a keyframe request of the viewer and passes it to the mixer.
func (d *downstream) requestKeyframe() {
	d.keyframeRequests.Add(1)
	d.selection.requestKeyframe()
}
