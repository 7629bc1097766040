package camera

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"azulejo/codec/depack"
	"azulejo/mixer"
	"azulejo/signal/camera/rtsp"
)

// offer is one track that a camera offers.
type offer struct {
	media  rtsp.Media
	format rtsp.Format
	codec  mixer.Codec
}

// pick returns the first offer of video or audio that the mixer can decode. The result is nil if there is none.
func pick(d rtsp.Description, video bool) *offer {
	for _, m := range d.Media {
		for _, f := range m.Formats {
			if codec := codecOf(f); codec != "" && codec.IsVideo() == video && !m.BackChannel {
				return &offer{m, f, codec}
			}
		}
	}
	return nil
}

// codecOf returns the codec of a format; empty if the mixer cannot decode the format.
func codecOf(f rtsp.Format) mixer.Codec {
	switch f.Encoding {
	case "H264":
		return mixer.H264
	case "H265", "HEVC":
		return mixer.H265
	case "VP8":
		return mixer.VP8
	case "VP9":
		return mixer.VP9
	case "AV1":
		return mixer.AV1
	case "JPEG":
		return mixer.MJPEG
	case "OPUS":
		return mixer.Opus
	case "G722":
		return mixer.G722
	case "MPEG4-GENERIC", "MP4A-LATM":
		return mixer.AAC
	case "PCMU", "PCMA":
		if f.ClockRate >= 8000 && f.ClockRate <= mixer.SampleRate && f.Channels >= 1 && f.Channels <= mixer.Channels {
			return mixer.Codec(strings.ToLower(f.Encoding))
		}
	}
	return ""
}

// formatNames are the names of formats whose encoding name says little.
var formatNames = map[string]string{
	"MP2T": "MPEG-TS", "MPV": "MPEG video", "MP4V-ES": "MPEG-4 Visual", "H261": "H.261", "H263": "H.263", "H263-1998": "H.263",
	"H263-2000": "H.263", "H266": "H.266", "MPA": "MPEG audio",
}

// Limits of the names in a sentence about trouble: room is left for what is accepted.
const (
	mostOffered   = 5
	offeredLength = 120 // of all names together, in characters
)

// offered names the first formats that a camera offers in media of the given kind, such as "MPEG-TS or H.263".
func offered(d rtsp.Description, kind string) string {
	var names []string
	for _, m := range d.Media {
		if m.Type != kind || m.BackChannel {
			continue
		}
		for _, name := range namesOf(m) {
			switch {
			case slices.Contains(names, name):
			case len(names) == mostOffered:
				return clip(strings.Join(append(names, "others"), " or "), offeredLength)
			default:
				names = append(names, name)
			}
		}
	}
	return clip(strings.Join(names, " or "), offeredLength)
}

// namesOf names all formats of a medium.
func namesOf(m rtsp.Media) (names []string) {
	for _, f := range m.Formats {
		name := cmp.Or(formatNames[f.Encoding], f.Encoding, fmt.Sprintf("payload type %d without a name", f.PayloadType))
		if f.Channels > mixer.Channels || f.ClockRate > mixer.SampleRate && m.Type == "audio" {
			name += fmt.Sprintf(" with %d channels at %d Hz", f.Channels, f.ClockRate)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		names = append(names, m.Type+" without a format")
	}
	return names
}

// noVideo returns the trouble of a camera without video that the mixer can decode.
func noVideo(d rtsp.Description) mixer.Trouble {
	return newTrouble(mixer.ReasonNoPictureCodec,
		fmt.Sprintf("the camera offers %s; accepted are H.264, H.265, VP8, VP9, AV1, MJPEG", cmp.Or(offered(d, "video"), "no video")))
}

// noAudio returns the trouble of a camera without audio that the mixer can decode; the zero value if it has no audio at all.
func noAudio(d rtsp.Description) mixer.Trouble {
	names := offered(d, "audio")
	if names == "" {
		return mixer.Trouble{}
	}
	return newTrouble(mixer.ReasonNoAudioCodec, fmt.Sprintf("the camera offers %s; accepted are AAC, Opus, G.711, G.722", names))
}

// receiver returns what turns the track's RTP packets into packets of the mixer and calls out with them. The error says what
// is wrong with the format. lost, which may be nil, counts lost RTP packets.
func (o *offer) receiver(out func(mixer.Packet), faults *faults, lost *atomic.Uint64) (*receiver, error) {
	track, err := o.track()
	if err != nil {
		return nil, err
	}
	r := &receiver{track: track, out: out, faults: faults, lost: lost, configure: func(*mixer.Packet) {}}
	switch o.codec {
	case mixer.H264:
		track.SetParameters(o.format.Sets("sprop-parameter-sets")...)
	case mixer.H265:
		track.SetParameters(o.format.Sets("sprop-vps", "sprop-sps", "sprop-pps")...)
	case mixer.PCMU, mixer.PCMA:
		r.configure = g711Configuration(o.format)
	}
	return r, nil
}

// track returns the depacketizer of the track. The clock rates of video, Opus and G.722 are fixed, whatever a camera names.
func (o *offer) track() (*depack.Track, error) {
	switch o.codec {
	case mixer.AAC:
		return aacTrack(o.format)
	case mixer.Opus:
		return depack.New(o.codec, 48000)
	case mixer.G722:
		return depack.New(o.codec, 8000)
	case mixer.PCMU, mixer.PCMA:
		return depack.New(o.codec, uint32(o.format.ClockRate))
	}
	return depack.New(o.codec, 90000)
}

// aacTrack returns the depacketizer of AAC.
func aacTrack(f rtsp.Format) (*depack.Track, error) {
	text := f.Parameters["config"]
	config, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("AAC configuration %q: accepted are hex digits", clip(text, 64))
	}
	latm := f.Encoding == "MP4A-LATM"
	if latm && len(config) == 0 && f.Parameters["cpresent"] == "0" {
		return nil, errors.New("AAC configuration is missing, and the stream carries none (cpresent=0)")
	}
	if latm && f.Parameters["cpresent"] == "1" {
		config = nil // the stream carries it
	}
	return depack.NewAAC(uint32(max(f.ClockRate, 0)), depack.AACFormat{
		LATM: latm, Config: config,
		SizeLength: number(f, "sizelength"), IndexLength: number(f, "indexlength"), IndexDeltaLength: number(f, "indexdeltalength"),
	})
}

// number returns a numeric parameter; zero if it is missing or not readable.
func number(f rtsp.Format, name string) int {
	n, err := strconv.Atoi(f.Parameters[name])
	if err != nil {
		return 0
	}
	return n
}

// g711Configuration returns a function that sets the sample rate and the channels of a packet, if they differ from the
// usual 8000 Hz and one channel (RFC 3551 4.5.14).
func g711Configuration(f rtsp.Format) func(*mixer.Packet) {
	if f.ClockRate == 8000 && f.Channels == 1 {
		return func(*mixer.Packet) {}
	}
	return func(p *mixer.Packet) {
		p.SampleRate, p.Channels = f.ClockRate, f.Channels
		// depack takes each octet for one sampling instant. With two channels an instant has two octets.
		p.Duration /= time.Duration(f.Channels)
	}
}
