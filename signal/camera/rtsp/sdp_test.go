package rtsp

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// TestSDP: dialects of cameras. Each medium is shown as type, control, then its formats as type=encoding/rate/channels.
func TestSDP(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain": {
			"v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track0\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n",
			"* video track0 96=H264/90000/1; audio track1 0=PCMU/8000/1",
		},
		"bare line feeds and blanks": {
			"v=0\n a=control: rtsp://x/y \nm=video 0 RTP/AVP 96\na=rtpmap:96  H264/90000 \n", "rtsp://x/y video  96=H264/90000/1",
		},
		"several formats": {"m=audio 0 RTP/AVP 97 8\r\na=rtpmap:97 opus/48000/2\r\n", " audio  97=OPUS/48000/2 8=PCMA/8000/1"},
		"null": {
			"m=audio 0 RTP/AVP (null)\r\na=rtpmap\r\na=fmtp:(null) x=y\r\nm=video 0 RTP/AVP 26\r\n", " audio ; video  26=JPEG/90000/1",
		},
		"attributes of other types": {
			"m=video 0 RTP/AVP 96\r\na=rtpmap:97 H264/90000\r\na=rtpmap:x H264\r\na=fmtp:97 a=b\r\n", " video  96=/0/1",
		},
		"lines cut off":       {"m=\r\nm=video\r\nm=video 0\r\nm=video 0 RTP/AVP\r\na=\r\na\r\n=\r\n", "  ; video ; video ; video "},
		"types above 127":     {"m=video 0 RTP/AVP 96 200 -1 1e1\r\n", " video  96=/0/1"},
		"a rate that is none": {"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/x/y\r\n", " video  96=H265/0/1"},
		"back channel": {
			"m=video 0 RTP/AVP 26\r\na=recvonly\r\nm=audio 0 RTP/AVP 0\r\na=recvonly\r\nm=audio 0 RTP/AVP 8\r\na=sendonly\r\n",
			" video  26=JPEG/90000/1; audio  0=PCMU/8000/1; back channel audio  8=PCMA/8000/1",
		},
		"directions of the camera": {
			"m=video 0 RTP/AVP 26\r\na=sendonly\r\nm=audio 0 RTP/AVP 0\r\na=sendonly\r\n", " video  26=JPEG/90000/1; audio  0=PCMU/8000/1",
		},
		"empty": {"", " "},
	} {
		if got := showSDP(ParseSDP(c.text)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func showSDP(d Description) string {
	var media []string
	for _, m := range d.Media {
		text := m.Type + " " + m.Control
		if m.BackChannel {
			text = "back channel " + text
		}
		for _, f := range m.Formats {
			text += fmt.Sprintf(" %d=%s/%d/%d", f.PayloadType, f.Encoding, f.ClockRate, f.Channels)
		}
		media = append(media, text)
	}
	return d.Control + " " + strings.Join(media, "; ")
}

// TestParameters of a format: names in any case, blanks, values with an equals sign.
func TestParameters(t *testing.T) {
	d := ParseSDP("m=video 0 RTP/AVP 96\r\na=fmtp:96 Packetization-Mode=1; sprop-parameter-sets=Z0I=,aM4= ;;flag\r\n")
	want := map[string]string{"packetization-mode": "1", "sprop-parameter-sets": "Z0I=,aM4=", "": "", "flag": ""}
	if got := d.Media[0].Formats[0].Parameters; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestSets: words that are no base64 are left out, start codes are removed, padding may be missing.
func TestSets(t *testing.T) {
	for text, want := range map[string]string{
		"Z0I=,aM4=": "[[103 66] [104 206]]", "Z0I,aM4": "[[103 66] [104 206]]", "@@,aM4=": "[[104 206]]", ",": "[]", "": "[]",
		"AAAAAWdC": "[[103 66]]", "AAABZ0IAAAFozg==": "[[103 66] [104 206]]", " Z0I= , x": "[[103 66]]",
	} {
		f := Format{Parameters: map[string]string{"sets": text}}
		if got := fmt.Sprint(f.Sets("sets", "none")); got != want {
			t.Errorf("%q gave %s, want %s", text, got, want)
		}
	}
}

// TestTrackURL: how control attributes and the session's URL are joined.
func TestTrackURL(t *testing.T) {
	for _, c := range []struct{ requested, control, contentBase, track, want string }{
		{"rtsp://u:p@cam/live", "*", "rtsp://cam/live/", "track0", "rtsp://cam/live/track0"},
		{"rtsp://u:p@cam/live", "", "", "track0", "rtsp://cam/live/track0"},
		{"rtsp://cam/live?a=b", "", "", "track0", "rtsp://cam/live?a=b/track0"},
		{"rtsp://cam/live", "", "", "?track=0", "rtsp://cam/live?track=0"},
		{"rtsp://cam/live", "", "", "", "rtsp://cam/live"},
		{"rtsp://cam/live", "", "", "*", "rtsp://cam/live"},
		{"rtsp://cam:8554/live", "", "", "rtsp://10.0.0.1/live/track0", "rtsp://cam:8554/live/track0"},
		{"rtsp://cam/live", "rtsp://cam/other/", "rtsp://cam/live/", "track0", "rtsp://cam/other/track0"},
		{"rtsp://cam/live", "relative", "/base/", "track0", "rtsp://cam/base/track0"},
		{"rtsp://cam/live", "", "nonsense", "track0", "rtsp://cam/live/track0"},
		{"rtsps://cam/live", "", "", "rtsp://cam/track0", "rtsps://cam/track0"},
	} {
		requested, err := base.ParseURL(c.requested)
		if err != nil {
			t.Fatal(err)
		}
		header := base.Header{}
		if c.contentBase != "" {
			header["Content-Base"] = base.HeaderValue{c.contentBase}
		}
		got := trackURL(sessionURL(requested, c.control, header), c.track).CloneWithoutCredentials().String()
		if got != c.want {
			t.Errorf("%+v gave %s", c, got)
		}
	}
}

func FuzzParseSDP(f *testing.F) {
	f.Add("v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=Z0I=,aM4=\r\na=sendonly\r\n")
	f.Add("m=audio 0 RTP/AVP (null)\na=rtpmap\nm=\na=fmtp:97 a=b;c\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range ParseSDP(text).Media {
			for _, format := range m.Formats {
				if format.Parameters == nil || format.PayloadType > 127 {
					t.Errorf("%+v", format)
				}
				for _, nal := range format.Sets("sprop-parameter-sets") {
					if len(nal) == 0 {
						t.Error("an empty parameter set")
					}
				}
			}
		}
	})
}

func FuzzTransportHeader(f *testing.F) {
	f.Add("RTP/AVP/TCP;unicast;interleaved=0-1")
	f.Add("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=10.0.0.1;ssrc=1")
	f.Fuzz(func(t *testing.T, header string) {
		c := &Client{}
		track := &Track{client: c}
		if track.connect(header) == nil && c.channels[track.channel].track != track {
			t.Errorf("%q gave no channel", header)
		}
	})
}
