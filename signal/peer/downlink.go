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

// backlog is how many access units wait for the network: half a second of picture and sound.
const backlog = 64

// downlink sends the mix to one viewer. Mixer goroutines put access units into a bounded queue;
// run is the one goroutine that writes. When the queue is full a picture is dropped, and all
// that follow until the next one that decoding can begin at.
type downlink struct {
	ctx      context.Context // the life of the connection
	mix      Mixer
	own      mixer.SourceID // not heard by this viewer; zero for none
	onLayout func(*mixer.Layout, uint32)
	queue    chan unit

	video, audio *track // nil where the client does not receive
	writeRTCP    func([]rtcp.Packet) error
	resends      *resends
	viewing      viewing

	packets, bytes, pictures, dropped, refreshes atomic.Uint64
}

// unit is one access unit on its way to its track.
type unit struct {
	to     *binding
	p      hub.Packet
	layout *mixer.Layout // what the picture shows first; nil: nothing new
}

func newDownlink(ctx context.Context, opts Options) *downlink {
	return &downlink{
		ctx: ctx, mix: opts.Mixer, own: opts.Own, onLayout: opts.OnLayout, queue: make(chan unit, backlog),
		resends: newResends(), viewing: viewing{want: opts.View},
	}
}

// attach puts the mix on the transceivers of these kinds. Where there are none yet they are made, which needs
// an offer of ours: an answer has only those of the client's offer.
func (d *downlink) attach(pc *webrtc.PeerConnection, receives map[string]bool) ([]*webrtc.RTPSender, error) {
	d.writeRTCP = pc.WriteRTCP
	var senders []*webrtc.RTPSender
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if !receives[kind.String()] {
			continue
		}
		t := newTrack(kind, d.resends)
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

// run subscribes, says so, and writes until ctx ends. A nil subscription may be closed.
func (d *downlink) run(ctx context.Context, subscribed func()) error {
	if err := d.watch(); err != nil {
		return err
	}
	defer d.viewing.end()
	audio, err := d.listen()
	if err != nil {
		return err
	}
	defer audio.Close()
	subscribed()
	d.writeAll(ctx)
	return nil
}

// writeAll writes units and reports until ctx ends. The first report of a stream follows its first unit at once:
// until one of each has come a receiver cannot bring sound and picture together.
func (d *downlink) writeAll(ctx context.Context) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.reports()
		case u := <-d.queue:
			d.write(u)
			if !u.to.reported {
				d.report(u.to)
			}
		}
	}
}

func (d *downlink) watch() error {
	to := d.binding(d.video)
	if to == nil {
		return nil
	}
	return d.viewing.begin(d.ctx, d.mix, to, &videoSink{d: d, to: to})
}

func (d *downlink) listen() (*hub.AudioSubscription, error) {
	to := d.binding(d.audio)
	if to == nil {
		return nil, nil // nothing to hear is no error
	}
	sub, err := d.mix.Listen(d.ctx, to.id, d.own, audioSink{d: d, to: to})
	if err != nil {
		return nil, fmt.Errorf("listen as %s: %w", to.id, err)
	}
	return sub, nil
}

func (d *downlink) binding(t *track) *binding {
	if t == nil {
		return nil
	}
	return t.bound.Load()
}

// write sends one unit, and tells what it shows at that moment. An error is the network's; ICE decides when
// it is the end.
func (d *downlink) write(u unit) {
	stamp := u.to.stamp(u.p.PTS)
	if u.layout != nil && d.onLayout != nil {
		d.onLayout(u.layout, stamp)
	}
	packets, bytes, err := u.to.write(u.p, stamp)
	d.packets.Add(uint64(packets))
	d.bytes.Add(uint64(bytes))
	if err != nil {
		d.dropped.Add(1)
		return
	}
	if u.p.Codec.IsVideo() {
		d.pictures.Add(1)
	}
}

// audioSink feeds the queue from the sound's goroutine; what does not fit is lost.
type audioSink struct {
	d  *downlink
	to *binding
}

// WritePacket never blocks.
func (s audioSink) WritePacket(p hub.Packet) {
	select {
	case s.d.queue <- unit{to: s.to, p: p}:
	default:
		s.d.dropped.Add(1)
	}
}

// listenRTCP reads what the viewer says about one track until the connection ends; reading also
// drives retransmission. A compound packet is read for each of the tracks that it is about.
func (d *downlink) listenRTCP(sender *webrtc.RTPSender, log *slog.Logger) {
	t, _ := sender.Track().(*track)
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				d.refresh()
			case *rtcp.ReceiverReport:
				d.hear(t, p.Reports, log)
			case *rtcp.SenderReport: // of a client that publishes as well
				d.hear(t, p.Reports, log)
			case *rtcp.ReceiverEstimatedMaximumBitrate:
				d.viewing.limit(time.Now(), float64(p.Bitrate))
			}
		}
	}
}

// hear passes on what is said about the picture.
func (d *downlink) hear(t *track, reports []rtcp.ReceptionReport, log *slog.Logger) {
	to := d.binding(t)
	if to == nil || t != d.video {
		return
	}
	for _, r := range reports {
		if r.SSRC != to.ssrc {
			continue
		}
		if err := d.viewing.hear(d.ctx, readNotice(r, time.Now())); err != nil {
			log.Warn("viewer stays at its rung", "error", err)
		}
	}
}

func (d *downlink) refresh() {
	d.refreshes.Add(1)
	d.viewing.refresh()
}
