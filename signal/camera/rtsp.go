package camera

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"azulejo/codec/depack"
	"azulejo/mixer"
)

// rtspFeed pulls the first picture and the first sound track that can be decoded from an RTSP server
// (RFC 2326). A camera cannot be asked for a key picture: after a loss the last picture stays until the next.
type rtspFeed struct {
	url   *base.URL
	udp   bool
	audio bool
}

func (f *rtspFeed) run(ctx context.Context, out sink, _ <-chan struct{}) error {
	protocol := gortsplib.ProtocolTCP
	if f.udp {
		protocol = gortsplib.ProtocolUDP
	}
	c := &gortsplib.Client{Scheme: f.url.Scheme, Host: f.url.Host, Protocol: &protocol}
	if err := c.Start(); err != nil {
		return fmt.Errorf("connect to %s: %w", f.url.Host, err)
	}
	closeTracks := func() {}
	defer func() { closeTracks() }() // after the client's readers have ended
	stop := context.AfterFunc(ctx, c.Close)
	defer func() {
		stop()
		c.Close()
	}()
	closeTracks, err := f.play(c, out)
	if err == nil {
		err = c.Wait()
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("play %s: %w", f.url.Host, err)
}

// play sets up the tracks and starts them. What it returns frees them, also after an error.
func (f *rtspFeed) play(c *gortsplib.Client, out sink) (closeTracks func(), err error) {
	closeTracks = func() {}
	desc, _, err := c.Describe(f.url)
	if err != nil {
		return closeTracks, err
	}
	video, audio := pick(desc, true), pick(desc, false)
	if video == nil {
		return closeTracks, errors.New("no picture track as H.264, H.265 or VP8")
	}
	if err = video.setup(c, desc, out.PutVideo); err != nil {
		return closeTracks, err
	}
	if f.audio && audio != nil {
		closeTracks = func() { audio.sound.close() }
		if err = audio.setup(c, desc, out.PutAudio); err != nil {
			return closeTracks, err
		}
	}
	_, err = c.Play(nil)
	return closeTracks, err
}

// rtspTrack is one track that is pulled.
type rtspTrack struct {
	media  *description.Media
	format format.Format
	id     mixer.Codec
	sound  *soundTrack
}

// pick finds the first track of a kind that can be decoded.
func pick(desc *description.Session, video bool) *rtspTrack {
	for _, m := range desc.Medias {
		for _, f := range m.Formats {
			if id := idOf(f); id != "" && id.IsVideo() == video && !m.IsBackChannel {
				return &rtspTrack{media: m, format: f, id: id}
			}
		}
	}
	return nil
}

// idOf is the format as codec names it; empty for what is not decoded.
func idOf(f format.Format) mixer.Codec {
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
		case f.SampleRate < 8000 || f.SampleRate > mixer.SampleRate || f.ChannelCount > mixer.Channels:
		case f.MULaw:
			return mixer.PCMU
		default:
			return mixer.PCMA
		}
	}
	return ""
}

func (t *rtspTrack) setup(c *gortsplib.Client, desc *description.Session, put func(mixer.Packet)) error {
	if _, err := c.Setup(desc.BaseURL, t.media, 0, 0); err != nil {
		return err
	}
	read, err := t.reader(put, func(p *rtp.Packet) (time.Duration, bool) {
		at, ok := c.PacketNTP(t.media, p)
		return time.Duration(at.UnixNano()), ok
	})
	if err != nil {
		return err
	}
	c.OnPacketRTP(t.media, t.format, read)
	return nil
}

// captured tells when a packet was, by the camera's sender reports; not before the first of them.
type captured func(*rtp.Packet) (time.Duration, bool)

// reader returns what turns the track's RTP into packets for put. One goroutine of the client calls it.
func (t *rtspTrack) reader(put func(mixer.Packet), when captured) (func(*rtp.Packet), error) {
	if f, ok := t.format.(*format.MPEG4Audio); ok {
		return t.aacReader(f, put, when)
	}
	track, err := depack.New(t.id, uint32(t.format.ClockRate()))
	if err != nil {
		return nil, err
	}
	switch f := t.format.(type) {
	case *format.H264:
		track.SetParameters(f.SPS, f.PPS)
	case *format.H265:
		track.SetParameters(f.VPS, f.SPS, f.PPS)
	case *format.G711:
		if t.sound, err = newG711Track(t.id, f.SampleRate, f.ChannelCount); err != nil {
			return nil, err
		}
	}
	return func(p *rtp.Packet) {
		if at, ok := when(p); ok {
			track.Report(p.Timestamp, at)
		}
		for _, unit := range track.Push(p) {
			packets, _ := t.sound.take(unit) // what cannot be decoded is left out
			for _, one := range packets {
				put(one)
			}
		}
	}, nil
}

// aacReader reads AAC (RFC 3640), which is put as Opus.
func (t *rtspTrack) aacReader(f *format.MPEG4Audio, put func(mixer.Packet), when captured) (func(*rtp.Packet), error) {
	decoder, err := f.CreateDecoder()
	if err != nil {
		return nil, err
	}
	extra, err := f.Config.Marshal()
	if err != nil {
		return nil, err
	}
	if t.sound, err = newSoundTrack(mixer.AAC, extra); err != nil {
		return nil, err
	}
	return func(p *rtp.Packet) {
		units, err := decoder.Decode(p)
		if err != nil {
			return // incomplete: a gap is heard, nothing else
		}
		at, known := when(p)
		before := t.sound.taken
		for _, u := range units {
			unit := mixer.Packet{Codec: mixer.AAC, Data: u, Key: true}
			if known {
				unit.Captured = at + t.sound.taken - before
			}
			packets, _ := t.sound.take(unit) // the same
			for _, s := range packets {
				put(s)
			}
		}
	}, nil
}
