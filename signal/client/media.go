package client

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

func mimeOf(codec mixer.Codec) string {
	switch codec {
	case mixer.H264:
		return webrtc.MimeTypeH264
	case mixer.VP8:
		return webrtc.MimeTypeVP8
	default:
		return webrtc.MimeTypeOpus
	}
}

// codecOf returns the codec of a MIME type, or an empty string if this package does not know the type.
func codecOf(mime string) mixer.Codec {
	for _, codec := range []mixer.Codec{mixer.H264, mixer.VP8, mixer.Opus} {
		if strings.EqualFold(mime, mimeOf(codec)) {
			return codec
		}
	}
	return ""
}

func capability(codec mixer.Codec) webrtc.RTPCodecCapability {
	c := webrtc.RTPCodecCapability{MimeType: mimeOf(codec), ClockRate: 90000}
	switch codec {
	case mixer.Opus:
		c.ClockRate, c.Channels, c.SDPFmtpLine = 48000, 2, "minptime=10;useinbandfec=1;stereo=1"
		return c
	case mixer.H264:
		c.SDPFmtpLine = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	}
	c.RTCPFeedback = []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	return c
}

// newConnection makes a peer connection that has only the codecs of cfg.
func newConnection(cfg Config) (*webrtc.PeerConnection, error) {
	m := &webrtc.MediaEngine{}
	opus := webrtc.RTPCodecParameters{RTPCodecCapability: capability(mixer.Opus), PayloadType: 111}
	if err := m.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, fmt.Errorf("register opus: %w", err)
	}
	for i, codec := range cfg.videoCodecs() {
		p := webrtc.RTPCodecParameters{RTPCodecCapability: capability(codec), PayloadType: webrtc.PayloadType(96 + i)}
		if err := m.RegisterCodec(p, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, fmt.Errorf("register %s: %w", codec, err)
		}
	}
	r := &interceptor.Registry{}
	for _, err := range []error{
		webrtc.ConfigureSimulcastExtensionHeaders(m), webrtc.ConfigureNack(m, r), webrtc.ConfigureRTCPReports(r), webrtc.ConfigureTWCCSender(m, r),
	} {
		if err != nil {
			return nil, fmt.Errorf("configure interceptors: %w", err)
		}
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(r), webrtc.WithSettingEngine(settings(cfg)))
	pc, err := api.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	return pc, nil
}

// settings returns the settings of the peer connection. If the URL of the server has a loopback address, the peer connection
// uses only the loopback interface.
func settings(cfg Config) webrtc.SettingEngine {
	var s webrtc.SettingEngine
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	if isLoopback(cfg.URL) {
		s.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	}
	return s
}

// isLoopback tells whether the host of a URL is localhost or a loopback address.
func isLoopback(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
