package whip

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"azulejo/signal/refusal"
)

// TestFragments as clients write them.
func TestFragments(t *testing.T) {
	audio, video := section{"audio 9 UDP/TLS/RTP/SAVPF 111", "0"}, section{"video 9 UDP/TLS/RTP/SAVPF 96", "1"}
	const host = "candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host"
	for text, want := range map[string]fragment{
		"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=" + host + "\r\na=end-of-candidates\r\n": {
			ufrag: "EsAw", pwd: "P2uYro0UCOQ4zxjKXaWCBui1", candidates: []candidate{{audio, host}}, end: true,
		},
		"a=ice-options:trickle\nm=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=mid:0\na=ice-ufrag:a\na=ice-pwd:b\na=" + host +
			"\n\nm=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:1\na=ice-ufrag:a\na=ice-pwd:b\na=" + host + " generation 0 ufrag a": {
			ufrag: "a", pwd: "b", candidates: []candidate{{audio, host}, {video, host + " generation 0 ufrag a"}},
		},
		"a=" + host:             {candidates: []candidate{{section{}, host}}},
		"a=end-of-candidates\n": {end: true},
		"v=0\na=ice-ufrag:x\n":  {ufrag: "x"},
	} {
		got, err := parseFragment(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestFragmentsRefused(t *testing.T) {
	for text, want := range map[string][2]string{
		"":                                 {codeUnreadable, "neither candidates nor ICE credentials"},
		"\r\n":                             {codeUnreadable, "neither"},
		"a=mid:0\r\nm=audio 9 RTP/AVP 0":   {codeUnreadable, "neither"},
		"hello":                            {codeUnreadable, `"hello"`},
		"a":                                {codeUnreadable, `"a"`},
		"a=candidate:1 1 udp 1 192.0.2.1":  {codeUnreadable, "192.0.2.1"},
		"a=ice-ufrag:":                     {codeFragment, "a=ice-ufrag is empty"},
		"a=ice-pwd:a\nm=x\na=ice-pwd:b":    {codeFragment, "a=ice-pwd"},
		strings.Repeat("\xff", 200) + "\n": {codeUnreadable, "…"},
	} {
		_, err := parseFragment(text)
		var no *refusal.Error
		if !errors.As(err, &no) || no.Code != want[0] || !strings.Contains(no.Message, want[1]) || len(no.Message) > 400 {
			t.Errorf("%q: got %v; want %s with %q", text, err, want[0], want[1])
		}
	}
}

// TestFragmentOfDescription reads credentials and candidates of the first section of a bundle, or of the session level.
func TestFragmentOfDescription(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	for text, want := range map[string]string{
		head + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n" +
			"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n": "a=ice-ufrag:u\r\na=ice-pwd:p\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n",
		head + "a=ice-ufrag:u\r\na=ice-pwd:p\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n": "a=ice-ufrag:u\r\na=ice-pwd:p\r\n",
	} {
		got, err := fragmentOf(text)
		if err != nil || got.String() != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if _, err := fragmentOf("v=1"); err == nil {
		t.Error("read a fragment out of nothing")
	}
}

// FuzzFragment: a written fragment reads as the same.
func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n")
	f.Add("m=a\na=mid:0\na=mid:\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\nm=\na=candidate: 1 1 udp 1 192.0.2.1 1 typ host")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := parseFragment(text)
		var no *refusal.Error
		if err != nil {
			if !errors.As(err, &no) {
				t.Fatalf("%v is no refusal", err)
			}
			return
		}
		again, err := parseFragment(first.String())
		if err != nil || again.String() != first.String() || len(again.candidates) != len(first.candidates) {
			t.Errorf("%q became %q: %+v, %v", text, first, again, err)
		}
	})
}
