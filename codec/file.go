package codec

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// File reads the first video and the first audio track of a media file (MP4, MKV, Ogg, WAV, raw H.264 or H.265) as
// packets, without decoding. One goroutine owns it.
type File struct {
	name   string
	format *astiav.FormatContext
	packet *astiav.Packet
	tracks map[int]*fileTrack
	queue  []mixer.Packet
	eof    bool
}

// fileTrack is one track that is read.
type fileTrack struct {
	id     mixer.Codec
	base   astiav.Rational
	filter *astiav.BitStreamFilterContext // to Annex B; nil where none is needed
	config []byte                         // AudioSpecificConfig of AAC, nil for others
	start  time.Duration                  // of the file; subtracted from all times
	pace   time.Duration                  // between frames, for files without times
	count  int                            // packets so far
}

// containerIDs are the codecs that a File reads.
var containerIDs = map[astiav.CodecID]mixer.Codec{
	astiav.CodecIDH264: mixer.H264, astiav.CodecIDHevc: mixer.H265, astiav.CodecIDVp8: mixer.VP8, astiav.CodecIDVp9: mixer.VP9,
	astiav.CodecIDAv1: mixer.AV1, astiav.CodecIDMjpeg: mixer.MJPEG, astiav.CodecIDOpus: mixer.Opus, astiav.CodecIDAac: mixer.AAC,
	astiav.CodecIDPcmMulaw: mixer.PCMU, astiav.CodecIDPcmAlaw: mixer.PCMA,
}

// OpenFile opens name, a path.
func OpenFile(name string) (*File, error) {
	f := &File{name: name, format: astiav.AllocFormatContext(), packet: astiav.AllocPacket(), tracks: map[int]*fileTrack{}}
	if err := f.format.OpenInput("file:"+name, nil, nil); err != nil {
		f.format.Free()
		f.format = nil
		f.Close()
		return nil, translate("open "+name, err)
	}
	if err := f.open(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// start is the earliest time in the file; zero where it has none.
func (f *File) start() time.Duration {
	if us := f.format.StartTime(); us != astiav.NoPtsValue {
		return time.Duration(us) * time.Microsecond
	}
	return 0
}

func (f *File) open() error {
	if err := f.format.FindStreamInfo(nil); err != nil {
		return translate("read the tracks of "+f.name, err)
	}
	var video, audio bool
	for _, s := range f.format.Streams() {
		id, ok := containerIDs[s.CodecParameters().CodecID()]
		if !ok || id.IsVideo() && video || !id.IsVideo() && audio {
			continue
		}
		t, err := newFileTrack(id, s, f.start())
		if err != nil {
			return translate("open track "+string(id)+" of "+f.name, err)
		}
		f.tracks[s.Index()] = t
		video, audio = video || id.IsVideo(), audio || !id.IsVideo()
	}
	if len(f.tracks) == 0 {
		return fmt.Errorf("open %s: no track in a known format: %w", f.name, mixer.ErrUnsupported)
	}
	return nil
}

// newFileTrack prepares a track whose packets have the form that [mixer.Codec] promises.
func newFileTrack(id mixer.Codec, s *astiav.Stream, start time.Duration) (*fileTrack, error) {
	t := &fileTrack{id: id, base: s.TimeBase(), start: start}
	if extra := s.CodecParameters().ExtraData(); id == mixer.AAC && len(extra) > 0 {
		t.config = extra
	}
	if r := s.AvgFrameRate(); r.Num() > 0 && r.Den() > 0 {
		t.pace = time.Second * time.Duration(r.Den()) / time.Duration(r.Num())
	}
	name := map[mixer.Codec]string{mixer.H264: "h264_mp4toannexb", mixer.H265: "hevc_mp4toannexb"}[id]
	if name == "" {
		return t, nil
	}
	b, err := astiav.AllocBitStreamFilterContext(astiav.FindBitStreamFilterByName(name))
	if err != nil {
		return nil, err
	}
	t.filter = b
	if err := s.CodecParameters().Copy(b.InputCodecParameters()); err != nil {
		b.Free()
		return nil, err
	}
	b.SetInputTimeBase(t.base)
	if err := b.Initialize(); err != nil {
		b.Free()
		return nil, err
	}
	return t, nil
}

// Codecs returns the codecs of the video and of the audio track; empty where there is none.
func (f *File) Codecs() (video, audio mixer.Codec) {
	for _, t := range f.tracks {
		if t.id.IsVideo() {
			video = t.id
		} else {
			audio = t.id
		}
	}
	return video, audio
}

// Duration is the length that the file declares.
func (f *File) Duration() time.Duration {
	return time.Duration(f.format.Duration()) * time.Microsecond
}

// Next returns the next packet in decoding order, with its times since the file's start; io.EOF at the end.
func (f *File) Next() (mixer.Packet, error) {
	for len(f.queue) == 0 {
		if f.eof {
			return mixer.Packet{}, io.EOF
		}
		if err := f.read(); err != nil {
			return mixer.Packet{}, err
		}
	}
	p := f.queue[0]
	f.queue = f.queue[1:]
	return p, nil
}

func (f *File) read() error {
	defer f.packet.Unref()
	err := f.format.ReadFrame(f.packet)
	if errors.Is(err, astiav.ErrEof) {
		f.eof = true
		return nil
	}
	if err != nil {
		return translate("read "+f.name, err)
	}
	t := f.tracks[f.packet.StreamIndex()]
	if t == nil {
		return nil
	}
	return translate("read "+f.name, t.convert(f.packet, &f.queue))
}

// convert brings p to the promised form and appends it to queue.
func (t *fileTrack) convert(p *astiav.Packet, queue *[]mixer.Packet) error {
	if t.filter == nil {
		*queue = append(*queue, t.packet(p))
		return nil
	}
	if err := t.filter.SendPacket(p); err != nil {
		return err
	}
	for {
		err := t.filter.ReceivePacket(p)
		if starved(err) {
			return nil
		}
		if err != nil {
			return err
		}
		*queue = append(*queue, t.packet(p))
		p.Unref()
	}
}

// packet copies p into Go's memory.
func (t *fileTrack) packet(p *astiav.Packet) mixer.Packet {
	out := mixer.Packet{
		Codec:    t.id,
		Data:     p.Data(),
		Duration: time.Duration(astiav.RescaleQ(p.Duration(), t.base, nanoseconds)),
		Key:      p.Flags().Has(astiav.PacketFlagKey),
		Config:   t.config,
	}
	out.PTS, out.DTS = t.time(p.Pts()), t.time(p.Dts())
	t.count++
	return out
}

// time is a timestamp since the file's start. Raw streams have none: their frames follow at the declared rate.
func (t *fileTrack) time(ticks int64) time.Duration {
	if ticks == astiav.NoPtsValue {
		return time.Duration(t.count) * t.pace
	}
	return time.Duration(astiav.RescaleQ(ticks, t.base, nanoseconds)) - t.start
}

// Close frees the file. It is nil-safe and may be called twice.
func (f *File) Close() {
	if f == nil || f.packet == nil {
		return
	}
	for _, t := range f.tracks {
		if t.filter != nil {
			t.filter.Free()
		}
	}
	f.tracks = nil
	f.packet.Free()
	f.packet = nil
	if f.format != nil {
		f.format.CloseInput()
		f.format.Free()
	}
}
