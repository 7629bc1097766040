package rtsp

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"azulejo/codec/h264"
)

// Description is what a session description (SDP, RFC 8866) says about the media of a camera.
type Description struct {
	Control string // the control attribute of the session; empty if there is none
	Media   []Media
}

// Media is one media section of a session description.
type Media struct {
	Type        string // such as "video" or "audio"
	Control     string // the control attribute; empty if there is none
	BackChannel bool   // the client sends this medium
	Formats     []Format

	direction string // sendonly, recvonly, sendrecv, inactive, or empty
}

// Format is one payload format of a medium.
type Format struct {
	PayloadType uint8
	Encoding    string // the encoding name in capitals, such as "H264"; empty if it is unknown
	ClockRate   int    // of RTP timestamps in Hz; zero if it is unknown
	Channels    int    // of audio; 1 if the description does not tell
	Parameters  map[string]string
}

// staticFormats are the payload types that need no rtpmap attribute (RFC 3551, 6).
var staticFormats = map[uint8]string{
	0: "PCMU/8000", 3: "GSM/8000", 4: "G723/8000", 5: "DVI4/8000", 6: "DVI4/16000", 7: "LPC/8000", 8: "PCMA/8000", 9: "G722/8000",
	10: "L16/44100/2", 11: "L16/44100/1", 12: "QCELP/8000", 14: "MPA/90000", 15: "G728/8000", 18: "G729/8000", 26: "JPEG/90000",
	31: "H261/90000", 32: "MPV/90000", 33: "MP2T/90000", 34: "H263/90000",
}

// ParseSDP reads a session description. It ignores lines that it cannot read: a mistake in one medium harms no other one.
func ParseSDP(text string) Description {
	var d Description
	for line := range strings.SplitSeq(text, "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case key == "m":
			d.Media = append(d.Media, parseMedia(value))
		case key != "a":
		case len(d.Media) > 0:
			d.Media[len(d.Media)-1].addAttribute(value)
		case strings.HasPrefix(value, "control:"):
			d.Control = strings.TrimSpace(strings.TrimPrefix(value, "control:"))
		}
	}
	d.markBackChannels()
	return d
}

// parseMedia reads the value of a media line, such as "video 0 RTP/AVP 96". It leaves out formats that are no payload type.
func parseMedia(value string) Media {
	var m Media
	fields := strings.Fields(value)
	if len(fields) > 0 {
		m.Type = fields[0]
	}
	for _, field := range fields[min(3, len(fields)):] {
		n, err := strconv.ParseUint(field, 10, 7)
		if err != nil {
			continue
		}
		f := Format{PayloadType: uint8(n), Channels: 1, Parameters: map[string]string{}}
		f.setEncoding(staticFormats[f.PayloadType])
		m.Formats = append(m.Formats, f)
	}
	return m
}

// addAttribute reads an attribute of the medium, without "a=".
func (m *Media) addAttribute(attribute string) {
	name, value, _ := strings.Cut(attribute, ":")
	value = strings.TrimSpace(value)
	switch name {
	case "control":
		m.Control = value
	case "sendonly", "recvonly", "sendrecv", "inactive":
		m.direction = name
	case "rtpmap":
		if f, encoding := m.format(value); f != nil {
			f.setEncoding(encoding)
		}
	case "fmtp":
		if f, parameters := m.format(value); f != nil {
			f.addParameters(parameters)
		}
	}
}

// format returns the format whose payload type is the first field of value, and the rest of value. The result is nil if the
// medium has no such format.
func (m *Media) format(value string) (f *Format, rest string) {
	field, rest, _ := strings.Cut(value, " ")
	n, err := strconv.ParseUint(field, 10, 7)
	if err != nil {
		return nil, ""
	}
	at := slices.IndexFunc(m.Formats, func(f Format) bool { return f.PayloadType == uint8(n) })
	if at < 0 {
		return nil, ""
	}
	return &m.Formats[at], strings.TrimSpace(rest)
}

// setEncoding reads an encoding such as "L16/44100/2".
func (f *Format) setEncoding(text string) {
	name, rest, _ := strings.Cut(text, "/")
	rate, channels, _ := strings.Cut(rest, "/")
	f.Encoding = strings.ToUpper(strings.TrimSpace(name))
	f.ClockRate, _ = strconv.Atoi(strings.TrimSpace(rate)) // zero if it is not readable
	if n, err := strconv.Atoi(strings.TrimSpace(channels)); err == nil {
		f.Channels = n
	}
}

// addParameters reads parameters such as "packetization-mode=1; profile-level-id=42C01E". Names are not case-sensitive.
func (f *Format) addParameters(text string) {
	for parameter := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		f.Parameters[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
}

// markBackChannels finds the audio that the client sends. ONVIF marks it as sendonly, from the client's side. Where no medium
// has another direction, the camera names directions from its own side, and there is no back channel.
func (d *Description) markBackChannels() {
	if !slices.ContainsFunc(d.Media, func(m Media) bool { return m.direction != "sendonly" }) {
		return
	}
	for i := range d.Media {
		m := &d.Media[i]
		m.BackChannel = m.Type == "audio" && m.direction == "sendonly"
	}
}

// Sets returns the NAL units of parameter sets in the named parameters. It ignores words that are no base64, and removes
// start codes.
func (f Format) Sets(names ...string) (nals [][]byte) {
	for _, name := range names {
		for word := range strings.SplitSeq(f.Parameters[name], ",") {
			set, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(word), "="))
			if err != nil {
				continue
			}
			for _, nal := range h264.NALs(set) {
				nals = append(nals, nal)
			}
		}
	}
	return nals
}
