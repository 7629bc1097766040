package peer

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

// profiles are the H.264 profiles that the server accepts, in its order of preference. It receives all of them. It encodes
// constrained baseline, which a decoder of any of these profiles can decode.
var profiles = []struct { // a constant table
	id, name string // id: the first two bytes of profile-level-id, in hexadecimal
	idc      uint8  // profile_idc
}{
	{"42e0", "constrained baseline", 66},
	{"4200", "baseline", 66},
	{"4d00", "main", 77},
	{"640c", "constrained high", 100},
	{"6400", "high", 100},
}

// acceptedVideo lists the accepted video codecs for error texts.
const acceptedVideo = "H.264 with packetization-mode=1 (profile-level-id 42e0xx, 4200xx, 4d00xx, 640cxx or 6400xx), VP8"

// newMediaEngine makes a media engine with the codecs that the server receives and sends, in its order of preference.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
			SDPFmtpLine: "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1",
		},
		PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio)
	if err != nil {
		return nil, fmt.Errorf("register opus: %w", err)
	}
	for i, p := range videoCodecs() {
		p.PayloadType = webrtc.PayloadType(96 + 2*i)
		if err := registerWithRTX(m, p); err != nil {
			return nil, fmt.Errorf("register %s: %w", p.MimeType, err)
		}
	}
	return m, nil
}

// videoCodecs returns the video codecs of newMediaEngine, without payload types.
func videoCodecs() []webrtc.RTPCodecParameters {
	feedback := []webrtc.RTCPFeedback{{Type: "goog-remb"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	newCodec := func(mime, fmtp string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: mime, ClockRate: 90000, SDPFmtpLine: fmtp, RTCPFeedback: feedback,
		}}
	}
	var all []webrtc.RTPCodecParameters
	for _, p := range profiles {
		all = append(all, newCodec(webrtc.MimeTypeH264,
			"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="+p.id+"1f"))
	}
	return append(all, newCodec(webrtc.MimeTypeVP8, ""))
}

// registerWithRTX registers a video codec, and RTX for it with the next payload type.
func registerWithRTX(m *webrtc.MediaEngine, p webrtc.RTPCodecParameters) error {
	if err := m.RegisterCodec(p, webrtc.RTPCodecTypeVideo); err != nil {
		return err
	}
	return m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", p.PayloadType),
		},
		PayloadType: p.PayloadType + 1,
	}, webrtc.RTPCodecTypeVideo)
}

// sharedInterceptors returns the interceptors that are configured alike for all connections. For received media they send
// NACKs, receiver reports and transport-wide congestion control feedback (TWCC). To sent packets they add the TWCC
// sequence number. Two tasks are done elsewhere: [retransmitter] answers NACKs, and [downstream] sends sender reports.
func sharedInterceptors(m *webrtc.MediaEngine) (*interceptor.Registry, error) {
	r := &interceptor.Registry{}
	steps := []func() error{
		func() error { return addNACK(r) },
		func() error { return addReceiverReports(r) },
		func() error { return webrtc.ConfigureSimulcastExtensionHeaders(m) },
		func() error { return webrtc.ConfigureTWCCHeaderExtensionSender(m, r) },
		func() error { return webrtc.ConfigureTWCCSender(m, r) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("configure interceptors: %w", err)
		}
	}
	return r, nil
}

// interceptors returns the interceptors of one connection: its own retransmitter and the shared ones. The retransmitter is
// nearest to the network, so it gets the headers of sent packets in their final form.
func interceptors(own *retransmitter, shared *interceptor.Registry) *interceptor.Registry {
	r := &interceptor.Registry{}
	r.Add(own)
	r.Add(chainFactory{shared})
	return r
}

// chainFactory builds all interceptors of a registry as one chain.
type chainFactory struct{ *interceptor.Registry }

// NewInterceptor implements interceptor.Factory.
func (f chainFactory) NewInterceptor(id string) (interceptor.Interceptor, error) { return f.Build(id) }

func addNACK(r *interceptor.Registry) error {
	factory, err := nack.NewGeneratorInterceptor()
	if err == nil {
		r.Add(factory)
	}
	return err
}

func addReceiverReports(r *interceptor.Registry) error {
	factory, err := report.NewReceiverInterceptor()
	if err == nil {
		r.Add(factory)
	}
	return err
}

// codecOf returns the codec of a negotiated MIME type. It is empty for codecs that the server does not use.
func codecOf(mime string) mixer.Codec {
	switch {
	case strings.EqualFold(mime, webrtc.MimeTypeH264):
		return mixer.H264
	case strings.EqualFold(mime, webrtc.MimeTypeVP8):
		return mixer.VP8
	case strings.EqualFold(mime, webrtc.MimeTypeOpus):
		return mixer.Opus
	}
	return ""
}

// rank returns the place of a negotiated codec in the order of preference: the H.264 profiles, VP8, Opus. It is -1 for
// RTX and for codecs that the server does not use.
func rank(p webrtc.RTPCodecParameters) int {
	switch codecOf(p.MimeType) {
	case mixer.H264:
		if i := profileOf(p.SDPFmtpLine); i >= 0 && parameter(p.SDPFmtpLine, "packetization-mode") == "1" {
			return i
		}
	case mixer.VP8:
		return len(profiles)
	case mixer.Opus:
		return len(profiles) + 1
	}
	return -1
}

// bestCodec returns the negotiated codec of the lowest rank, which is the codec to send. It is false if none is usable.
func bestCodec(codecs []webrtc.RTPCodecParameters) (webrtc.RTPCodecParameters, bool) {
	usable := slices.DeleteFunc(slices.Clone(codecs), func(p webrtc.RTPCodecParameters) bool { return rank(p) < 0 })
	if len(usable) == 0 {
		return webrtc.RTPCodecParameters{}, false
	}
	return slices.MinFunc(usable, func(a, b webrtc.RTPCodecParameters) int { return rank(a) - rank(b) }), true
}

// payloadTypes returns the payload types of the codecs that the server may send: of the chosen codec, and of VP8 if the
// client negotiated it too. VP8 is then sent by passthrough of VP8 sources only.
func payloadTypes(chosen webrtc.RTPCodecParameters, codecs []webrtc.RTPCodecParameters) map[mixer.Codec]uint8 {
	all := map[mixer.Codec]uint8{codecOf(chosen.MimeType): uint8(chosen.PayloadType)}
	for _, p := range codecs {
		if codec := codecOf(p.MimeType); codec == mixer.VP8 && all[codec] == 0 {
			all[codec] = uint8(p.PayloadType)
		}
	}
	return all
}

// rtxPayloadTypes returns the payload types of RTX. Each key is the payload type of the codec that is retransmitted (apt in
// RFC 4588, section 8.1).
func rtxPayloadTypes(codecs []webrtc.RTPCodecParameters) map[uint8]uint8 {
	all := map[uint8]uint8{}
	for _, p := range codecs {
		apt, err := strconv.ParseUint(parameter(p.SDPFmtpLine, "apt"), 10, 7)
		if err == nil && strings.EqualFold(p.MimeType, webrtc.MimeTypeRTX) {
			all[uint8(apt)] = uint8(p.PayloadType)
		}
	}
	return all
}

// highestProfile returns the highest H.264 profile among the negotiated codecs, as profile_idc. Without H.264 it returns
// constrained baseline, because a zero in mixer.Watching.Profile would disable passthrough of VP8 too.
func highestProfile(codecs []webrtc.RTPCodecParameters) uint8 {
	highest := profiles[0].idc
	for _, p := range codecs {
		if i := rank(p); i > 0 && i < len(profiles) {
			highest = max(highest, profiles[i].idc)
		}
	}
	return highest
}

// profileOf returns the index in profiles of the profile in an H.264 fmtp line. It is -1 for other profiles.
func profileOf(fmtp string) int {
	level, err := hex.DecodeString(parameter(fmtp, "profile-level-id"))
	if err != nil || len(level) != 3 {
		return -1
	}
	name := profileName(level[0], level[1])
	for i, p := range profiles {
		if p.name == name {
			return i
		}
	}
	return -1
}

// profileName returns the name of the profile that a profile_idc and its constraint flags mean (RFC 6184, table 5). It is
// empty for profiles that are not in profiles. Several values mean constrained baseline; FFmpeg writes 4240.
func profileName(idc, flags byte) string {
	switch {
	case idc == 0x42 && flags&0x4f == 0x40, idc == 0x4d && flags&0x8f == 0x80:
		return "constrained baseline"
	case idc == 0x42 && flags&0x4f == 0:
		return "baseline"
	case idc == 0x4d && flags&0x8f == 0:
		return "main"
	case idc == 0x64 && flags == 0x0c:
		return "constrained high"
	case idc == 0x64 && flags == 0:
		return "high"
	}
	return ""
}

// parameter returns the value of a name=value pair in an fmtp line. It is empty if the line has no such pair.
func parameter(fmtp, name string) string {
	for pair := range strings.SplitSeq(fmtp, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}
