package peer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"azulejo/signal/refusal"
)

// maxSections is how many media sections an offer may have. A client needs two, or four if it has a section for each
// direction.
const maxSections = 16

// offer is a parsed offer or answer of the client.
type offer struct {
	text     string // the SDP that was parsed
	sdp      *sdp.SessionDescription
	receives map[string]bool // by "audio" and "video": the server may send this kind of media
	rids     []string        // RIDs of the video layers; one empty string without simulcast
	noVideo  error           // the refusal to use if video is required; nil if there is a video section
}

// readOffer parses and checks an offer or an answer (RFC 8866, RFC 8829). The error is a [refusal.Error] with CodeBadSDP. Its
// text names the unusable part of the SDP and the accepted values, which errors of pion do not.
func readOffer(text string) (*offer, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, refusal.New(CodeBadSDP, "the SDP cannot be read: %v; accepted is an offer as RTCPeerConnection.createOffer makes it", err)
	}
	for _, check := range []func(*sdp.SessionDescription) error{checkSections, checkTransport, checkLayers} {
		if err := check(&d); err != nil {
			return nil, err
		}
	}
	o := &offer{text: text, sdp: &d, receives: map[string]bool{}, rids: layersOf(&d)}
	if len(sections(&d, "video")) == 0 {
		o.noVideo = errNoVideo(&d)
	}
	for _, kind := range []string{"video", "audio"} {
		o.receives[kind] = slices.ContainsFunc(sections(&d, kind), receives)
	}
	return o, nil
}

// receives reports whether the client wants to receive media in a section.
func receives(m *sdp.MediaDescription) bool {
	_, sendonly := m.Attribute("sendonly")
	_, inactive := m.Attribute("inactive")
	return !sendonly && !inactive
}

// checkSections limits the number of sections, and requires audio or video with usable codecs.
func checkSections(d *sdp.SessionDescription) error {
	if len(d.MediaDescriptions) > maxSections {
		return refusal.New(CodeBadSDP, "the SDP has %d media sections; accepted are up to %d", len(d.MediaDescriptions), maxSections)
	}
	videos := sections(d, "video")
	if len(videos) == 0 && len(sections(d, "audio")) == 0 {
		return errNoVideo(d)
	}
	if err := checkCodecs("video", videos, acceptedVideo); err != nil {
		return err
	}
	return checkCodecs("audio", sections(d, "audio"), "opus")
}

func errNoVideo(d *sdp.SessionDescription) error {
	return refusal.New(CodeBadSDP, "the SDP has no video section (found: %s); accepted is one with %s, and optionally audio with opus", kinds(d), acceptedVideo)
}

// sections returns the media sections of one kind, without those that are rejected. A rejected section has port 0 and no
// a=bundle-only.
func sections(d *sdp.SessionDescription, kind string) []*sdp.MediaDescription {
	var found []*sdp.MediaDescription
	for _, m := range d.MediaDescriptions {
		bundleOnly := slices.ContainsFunc(m.Attributes, func(a sdp.Attribute) bool { return a.Key == "bundle-only" })
		if m.MediaName.Media == kind && (m.MediaName.Port.Value != 0 || bundleOnly) {
			found = append(found, m)
		}
	}
	return found
}

// kinds lists the kinds of all media sections for an error text.
func kinds(d *sdp.SessionDescription) string {
	if len(d.MediaDescriptions) == 0 {
		return "no media at all"
	}
	var names []string
	for _, m := range d.MediaDescriptions {
		names = append(names, m.MediaName.Media)
	}
	return strings.Join(names, ", ")
}

// checkCodecs requires at least one usable codec in each section.
func checkCodecs(kind string, found []*sdp.MediaDescription, accepted string) error {
	for _, m := range found {
		names, usable := codecsOf(m)
		if !usable {
			return refusal.New(CodeBadSDP, "the %s section offers only %s; accepted: %s", kind, names, accepted)
		}
	}
	return nil
}

// codecsOf lists the codecs of a section for an error text, and reports whether the server can receive any of them.
func codecsOf(m *sdp.MediaDescription) (string, bool) {
	var names []string
	usable := false
	for _, format := range m.MediaName.Formats {
		name := attribute(m.Attributes, "rtpmap", format)
		name, _, _ = strings.Cut(name, "/")
		switch strings.ToLower(name) {
		case "":
			name = "payload type " + format
		case "rtx", "red", "ulpfec", "flexfec-03", "cn", "telephone-event":
			continue
		case "vp8", "opus":
			usable = true
		case "h264":
			fmtp := attribute(m.Attributes, "fmtp", format)
			usable = usable || h264Usable(fmtp)
			name = fmt.Sprintf("H264 (%s)", fmtp)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "nothing", usable
	}
	return strings.Join(names, ", "), usable
}

func h264Usable(fmtp string) bool {
	return parameter(fmtp, "packetization-mode") == "1" && profileOf(fmtp) >= 0
}

// attribute returns the value in "a=key:format value", where format is a payload type. It is empty if there is none.
func attribute(attributes []sdp.Attribute, key, format string) string {
	for _, a := range attributes {
		if a.Key != key {
			continue
		}
		if first, value, ok := strings.Cut(a.Value, " "); ok && first == format {
			return value
		}
	}
	return ""
}

// checkTransport requires ICE credentials, a DTLS fingerprint and a=mid in each section. No connection can start without
// these.
func checkTransport(d *sdp.SessionDescription) error {
	needed := []struct{ key, name string }{
		{"ice-ufrag", "ICE credentials (a=ice-ufrag)"},
		{"ice-pwd", "ICE credentials (a=ice-pwd)"},
		{"fingerprint", "a DTLS fingerprint (a=fingerprint)"},
	}
	for _, n := range needed {
		if !hasAttribute(d, n.key) {
			return refusal.New(CodeBadSDP, "the SDP has no %s; accepted is an offer as RTCPeerConnection.createOffer makes it", n.name)
		}
	}
	for _, m := range d.MediaDescriptions {
		if mid, ok := m.Attribute("mid"); !ok || mid == "" {
			return refusal.New(CodeBadSDP, "the %s section has no a=mid; accepted are unified-plan offers", m.MediaName.Media)
		}
	}
	return nil
}

// hasAttribute reports whether the session or one of its sections has an attribute with this key and a value.
func hasAttribute(d *sdp.SessionDescription, key string) bool {
	if value, ok := d.Attribute(key); ok && value != "" {
		return true
	}
	return slices.ContainsFunc(d.MediaDescriptions, func(m *sdp.MediaDescription) bool {
		value, ok := m.Attribute(key)
		return ok && value != ""
	})
}
