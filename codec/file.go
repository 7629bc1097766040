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
	path   string
	format *astiav.FormatContext
	packet *astiav.Packet     // scratch memory for read
	tracks map[int]*fileTrack // by FFmpeg's stream index
	queue  []mixer.Packet     // packets that Next has not returned yet
	eof    bool
}

// fileTrack is a track of a File whose packets are read.
type fileTrack struct {
	id       mixer.Codec
	base     astiav.Rational                // time base of the track's timestamps
	filter   *astiav.BitStreamFilterContext // converts H.264 and H.265 to Annex B; nil for the others
	config   []byte                         // AudioSpecificConfig of AAC; nil for the others
	rate     int                            // sampling rate of G.711 in Hz; zero for the others
	channels int                            // number of channels of G.711; zero for the others
	start    time.Duration                  // start time of the file, subtracted from all timestamps
	pace     time.Duration                  // time between frames, for files without timestamps
	count    int                            // packets read so far
}

// containerIDs maps FFmpeg's IDs to the codecs that a File reads.
var containerIDs = map[astiav.CodecID]mixer.Codec{
	astiav.CodecIDH264: mixer.H264, astiav.CodecIDHevc: mixer.H265, astiav.CodecIDVp8: mixer.VP8, astiav.CodecIDVp9: mixer.VP9,
	astiav.CodecIDAv1: mixer.AV1, astiav.CodecIDMjpeg: mixer.MJPEG, astiav.CodecIDOpus: mixer.Opus, astiav.CodecIDAac: mixer.AAC,
	astiav.CodecIDPcmMulaw: mixer.PCMU, astiav.CodecIDPcmAlaw: mixer.PCMA,
}

// OpenFile opens the media file at path. The caller must close the File.
func OpenFile(path string) (*File, error) {
	f := &File{path: path, format: astiav.AllocFormatContext(), packet: astiav.AllocPacket(), tracks: map[int]*fileTrack{}}
	if err := f.format.OpenInput("file:"+path, nil, nil); err != nil {
		f.format.Free()
		f.format = nil
		f.Close()
		return nil, translate("open "+path, err)
	}
	if err := f.open(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// start returns the earliest timestamp in the file; zero if the file has no timestamps.
func (f *File) start() time.Duration {
	if us := f.format.StartTime(); us != astiav.NoPtsValue {
		return time.Duration(us) * time.Microsecond
	}
	return 0
}

// open finds the first video and the first audio track.
func (f *File) open() error {
	if err := f.format.FindStreamInfo(nil); err != nil {
		return translate("read the tracks of "+f.path, err)
	}
	var video, audio bool
	for _, s := range f.format.Streams() {
		id, ok := containerIDs[s.CodecParameters().CodecID()]
		if !ok || id.IsVideo() && video || !id.IsVideo() && audio {
			continue
		}
		t, err := newFileTrack(id, s, f.start())
		if err != nil {
			return translate("open track "+string(id)+" of "+f.path, err)
		}
		f.tracks[s.Index()] = t
		video, audio = video || id.IsVideo(), audio || !id.IsVideo()
	}
	if len(f.tracks) == 0 {
		return fmt.Errorf("open %s: no track in a known format: %w", f.path, mixer.ErrUnsupported)
	}
	return nil
}

// newFileTrack prepares to read the track s. Its packets will have the format that is documented at the [mixer.Codec]
// constants.
func newFileTrack(id mixer.Codec, s *astiav.Stream, start time.Duration) (*fileTrack, error) {
	t := &fileTrack{id: id, base: s.TimeBase(), start: start}
	switch extra := s.CodecParameters().ExtraData(); {
	case id == mixer.AAC && len(extra) > 0:
		t.config = extra
	case id == mixer.PCMU, id == mixer.PCMA:
		t.rate, t.channels = s.CodecParameters().SampleRate(), s.CodecParameters().ChannelLayout().Channels()
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

// Codecs returns the codecs of the video track and the audio track. A codec is empty if there is no such track.
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

// Duration returns the length that the file's header declares.
func (f *File) Duration() time.Duration {
	return time.Duration(f.format.Duration()) * time.Microsecond
}

// Next returns the next packet in decoding order; io.EOF at the end. PTS and DTS count from the file's start.
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

// read reads one packet from the file, and appends the resulting packets to the queue. Packets of other tracks result in
// none.
func (f *File) read() error {
	defer f.packet.Unref()
	err := f.format.ReadFrame(f.packet)
	if errors.Is(err, astiav.ErrEof) {
		f.eof = true
		return nil
	}
	if err != nil {
		return translate("read "+f.path, err)
	}
	t := f.tracks[f.packet.StreamIndex()]
	if t == nil {
		return nil
	}
	return translate("read "+f.path, t.convert(f.packet, &f.queue))
}

// convert applies the track's bitstream filter to p, and appends the resulting packets to queue.
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
		if isAgainOrEOF(err) {
			return nil
		}
		if err != nil {
			return err
		}
		*queue = append(*queue, t.packet(p))
		p.Unref()
	}
}

// packet copies p into Go memory.
func (t *fileTrack) packet(p *astiav.Packet) mixer.Packet {
	out := mixer.Packet{
		Codec:      t.id,
		Data:       p.Data(),
		Duration:   time.Duration(astiav.RescaleQ(p.Duration(), t.base, nanoseconds)),
		Key:        p.Flags().Has(astiav.PacketFlagKey),
		Config:     t.config,
		SampleRate: t.rate,
		Channels:   t.channels,
	}
	out.PTS, out.DTS = t.time(p.Pts()), t.time(p.Dts())
	t.count++
	return out
}

// time converts a timestamp to the time since the file's start. Raw streams have no timestamps. The time of their frames is
// computed from the number of the frame and the declared frame rate.
func (t *fileTrack) time(timestamp int64) time.Duration {
	if timestamp == astiav.NoPtsValue {
		return time.Duration(t.count) * t.pace
	}
	return time.Duration(astiav.RescaleQ(timestamp, t.base, nanoseconds)) - t.start
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
