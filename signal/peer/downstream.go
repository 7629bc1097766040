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

// backlog is how many packets wait for the network: half a second of video and audio.
const backlog = 64

// downstream sends the mix to one viewer. The goroutines of the mixer push packets into a bounded queue, and run is the
// one goroutine that writes. When the queue is full, video is dropped up to the next keyframe.
type downstream struct {
	ctx      context.Context // the life of the connection
	mix      Mixer
	own      mixer.SourceID // left out of the viewer's audio; zero for none
	onLayout func(*mixer.Layout, uint32)
	queue    chan queuedPacket

	video, audio  *track // nil where the client does not receive
	writeRTCP     func([]rtcp.Packet) error
	retransmitter *retransmitter
	selection     selection

	packets, bytes, frames, dropped, keyframeRequests atomic.Uint64
}

// queuedPacket is one access unit or audio frame that waits for its track.
type queuedPacket struct {
	binding *binding
	packet  hub.Packet
	layout  *mixer.Layout // shown from this frame on; nil: unchanged
}

func newDownstream(ctx context.Context, opts Options) *downstream {
	return &downstream{
		ctx: ctx, mix: opts.Mixer, own: opts.Own, onLayout: opts.OnLayout, queue: make(chan queuedPacket, backlog),
		retransmitter: newRetransmitter(), selection: selection{wanted: opts.View},
	}
}

// addTracks adds the tracks of the mix to the transceivers of these kinds. pion makes transceivers that are missing,
// which works in an offer of ours only: an answer has just those of the client's offer.
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

// run subscribes, calls subscribed, and writes until ctx ends. A nil subscription may be closed.
func (d *downstream) run(ctx context.Context, subscribed func()) error {
	if err := d.watch(); err != nil {
		return err
	}
	defer d.selection.unsubscribe()
	audio, err := d.listen()
	if err != nil {
		return err
	}
	defer audio.Close()
	subscribed()
	d.sendAll(ctx)
	return nil
}

// sendAll sends packets and sender reports until ctx ends. The first report of a stream follows its first packet at
// once: a receiver cannot synchronise audio and video before it has a report of each.
func (d *downstream) sendAll(ctx context.Context) {
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.sendReports()
		case q := <-d.queue:
			d.send(q)
			if !q.binding.reported {
				d.sendReport(q.binding)
			}
		}
	}
}

func (d *downstream) watch() error {
	b := d.video.binding()
	if b == nil {
		return nil
	}
	return d.selection.subscribe(d.ctx, d.mix, b, &videoSink{d: d, binding: b})
}

func (d *downstream) listen() (*hub.AudioSubscription, error) {
	b := d.audio.binding()
	if b == nil {
		return nil, nil // a client without audio is no error
	}
	sub, err := d.mix.Listen(d.ctx, b.codec, d.own, audioSink{d: d, binding: b})
	if err != nil {
		return nil, fmt.Errorf("listen as %s: %w", b.codec, err)
	}
	return sub, nil
}

// send sends one packet, and calls onLayout right before the frame that shows the layout. A failed write is counted
// only: ICE decides when the connection is over.
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

// audioSink pushes audio into the queue, from the goroutine of the audio mixer. Packets that do not fit are dropped.
type audioSink struct {
	d       *downstream
	binding *binding
}

// WritePacket never blocks.
func (s audioSink) WritePacket(p hub.Packet) {
	select {
	case s.d.queue <- queuedPacket{binding: s.binding, packet: p}:
	default:
		s.d.dropped.Add(1)
	}
}

// readRTCP reads the feedback of the viewer about one track until the connection ends. Reading also drives
// retransmission. A compound packet is read once for each track that it is about.
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
			case *rtcp.SenderReport: // of a client that publishes as well
				d.onReceptionReports(t, p.Reports, log)
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				d.selection.onREMB(time.Now(), float64(p.Bitrate))
			}
		}
	}
}

// onReceptionReports handles the reports about the video; those about audio are ignored.
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

func (d *downstream) requestKeyframe() {
	d.keyframeRequests.Add(1)
	d.selection.requestKeyframe()
}
