package camera

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"azulejo/codec/depack"
	"azulejo/mixer"
)

// rtspFeed pulls two tracks from an RTSP server (RFC 2326): the first video track and the first audio track that can be
// decoded. RTSP has no request for a keyframe. So after a loss the mixer shows the last frame until the camera sends its
// next keyframe.
type rtspFeed struct {
	url       *base.URL
	transport string // see Config
	tls       TLSConfig
	audio     bool    // pull the audio track too
	logins    *Logins // limits logins with a wrong password; nil: no limit

	lost *atomic.Uint64 // counts lost RTP packets; nil: nobody wants to know
	// login is called before credentials are sent, once for each connection. It may wait until its context ends. An error ends
	// the session with this error. Nil: credentials are always sent.
	login func(context.Context) error
	// audioTrouble is called once in each session that has video, with the reason why the audio is not taken. Nil: nobody
	// wants to know.
	audioTrouble func(mixer.Trouble)
	// playing is called when the session has started to play, with TransportTCP or TransportUDP and the audio codec. The codec
	// is empty if no audio is taken. Nil: nobody wants to know.
	playing func(transport string, audio mixer.Codec)
}

// run plays the tracks until ctx ends or the connection breaks. Only one goroutine may call it at a time. gortsplib's
// goroutine calls out.
func (f *rtspFeed) run(ctx context.Context, out func(mixer.Packet), _ <-chan struct{}) error {
	protocol := gortsplib.ProtocolTCP
	if f.transport == TransportUDP {
		protocol = gortsplib.ProtocolUDP
	}
	c := &gortsplib.Client{Scheme: f.url.Scheme, Host: f.url.Host, Protocol: &protocol, DialContext: dial}
	c.OnPacketsLost = func(n uint64) {
		if f.lost != nil {
			f.lost.Add(n)
		}
	}
	var refused error // by login
	c.OnRequest = func(req *base.Request) {
		if len(req.Header["Authorization"]) == 0 || f.login == nil || refused != nil {
			return
		}
		if refused = f.login(ctx); refused != nil {
			_ = c.NetConn().Close() // so that the request is not sent
		}
		f.login = nil
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("connect to %s: %w", f.url.Host, err)
	}
	stop := context.AfterFunc(ctx, c.Close)
	defer func() {
		stop()
		c.Close()
	}()
	err := f.play(c, out)
	if refused != nil {
		return refused
	}
	if err == nil {
		if f.playing != nil {
			f.playing(f.transport, "")
		}
		err = c.Wait()
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("play %s: %w", f.url.Host, err)
}

// play sets up the tracks and starts playing them.
func (f *rtspFeed) play(c *gortsplib.Client, out func(mixer.Packet)) error {
	desc, _, err := c.Describe(f.url)
	if err != nil {
		return err
	}
	video, audio := pick(desc, true), pick(desc, false)
	if video == nil {
		return errors.New("no video track as H.264, H.265 or VP8")
	}
	if err = video.setup(c, desc, out); err != nil {
		return err
	}
	if f.audio && audio != nil {
		if err = audio.setup(c, desc, out); err != nil {
			return err
		}
	}
	_, err = c.Play(nil)
	return err
}

// rtspTrack is one track that is pulled.
type rtspTrack struct {
	media  *description.Media
	format format.Format
	codec  mixer.Codec
}

// pick returns the first video or audio track that can be decoded; nil if there is none.
func pick(desc *description.Session, video bool) *rtspTrack {
	for _, m := range desc.Medias {
		for _, f := range m.Formats {
			if codec := codecOf(f); codec != "" && codec.IsVideo() == video && !m.IsBackChannel {
				return &rtspTrack{media: m, format: f, codec: codec}
			}
		}
	}
	return nil
}

// codecOf returns the codec of a format; empty if the mixer cannot decode the format.
func codecOf(f format.Format) mixer.Codec {
	switch f := f.(type) {
	case *format.H264:
		return mixer.H264
	case *format.H265:
		return mixer.H265
	case *format.VP8:
		return mixer.VP8
	case *format.Opus:
		return mixer.Opus
	case *format.G722:
		return mixer.G722
	case *format.MPEG4Audio:
		return mixer.AAC
	case *format.G711:
		switch {
		case f.SampleRate < 8000 || f.SampleRate > mixer.SampleRate || f.ChannelCount < 1 || f.ChannelCount > mixer.Channels:
		case f.MULaw:
			return mixer.PCMU
		default:
			return mixer.PCMA
		}
	}
	return ""
}

// setup requests the track from the server and passes its packets to out.
func (t *rtspTrack) setup(c *gortsplib.Client, desc *description.Session, out func(mixer.Packet)) error {
	if _, err := c.Setup(desc.BaseURL, t.media, 0, 0); err != nil {
		return err
	}
	onRTP, err := t.reader(out, func(p *rtp.Packet) (time.Duration, bool) {
		at, ok := c.PacketNTP(t.media, p)
		return time.Duration(at.UnixNano()), ok
	})
	if err != nil {
		return err
	}
	c.OnPacketRTP(t.media, t.format, onRTP)
	return nil
}

// captureTime returns when a packet's media was captured, on the camera's wall clock, as Unix time. It returns false
// before the first RTCP sender report.
type captureTime func(*rtp.Packet) (time.Duration, bool)

// reader returns a function that converts the track's RTP packets to packets of the mixer and calls out with them. Only
// one goroutine may call the returned function.
func (t *rtspTrack) reader(out func(mixer.Packet), captured captureTime) (func(*rtp.Packet), error) {
	if f, ok := t.format.(*format.MPEG4Audio); ok {
		return aacReader(f, out, captured)
	}
	track, err := depack.New(t.codec, uint32(t.format.ClockRate()))
	if err != nil {
		return nil, err
	}
	configure := func(*mixer.Packet) {}
	switch f := t.format.(type) {
	case *format.H264:
		track.SetParameters(f.SPS, f.PPS)
	case *format.H265:
		track.SetParameters(f.VPS, f.SPS, f.PPS)
	case *format.G711:
		configure = g711Configuration(f)
	}
	return func(p *rtp.Packet) {
		if at, ok := captured(p); ok {
			track.Report(p.Timestamp, at)
		}
		for _, packet := range track.Push(p) {
			configure(&packet)
			out(packet)
		}
	}, nil
}

// g711Configuration returns a function that sets the sample rate and the channels of a packet, if they differ from the
// usual 8000 Hz and one channel (RFC 3551 4.5.14).
func g711Configuration(f *format.G711) func(*mixer.Packet) {
	if f.SampleRate == 8000 && f.ChannelCount == 1 {
		return func(*mixer.Packet) {}
	}
	return func(p *mixer.Packet) {
		p.SampleRate, p.Channels = f.SampleRate, f.ChannelCount
		// depack takes each octet for one sampling instant. With two channels an instant has two octets.
		p.Duration /= time.Duration(f.ChannelCount)
	}
}

// aacReader does for AAC what reader does for other codecs. An RTP packet has the capture time of its first access unit;
// aacReader computes those of the others.
func aacReader(f *format.MPEG4Audio, out func(mixer.Packet), captured captureTime) (func(*rtp.Packet), error) {
	track, err := newAACTrack(f)
	if err != nil {
		return nil, err
	}
	return func(p *rtp.Packet) {
		at, known := captured(p)
		for i, packet := range track.push(p) {
			if known {
				packet.Captured = at + time.Duration(i)*packet.Duration
			}
			out(packet)
		}
	}, nil
}
