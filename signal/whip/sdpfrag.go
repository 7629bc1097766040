package whip

import (
	"strings"

	"github.com/pion/sdp/v3"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
)

// fragment is an SDP fragment of trickle ICE (RFC 8840, section 9), without the lines that are not about ICE.
type fragment struct {
	ufrag, pwd string // empty: absent
	candidates []candidate
	end        bool // a=end-of-candidates is present
}

// candidate is one line a=candidate.
type candidate struct {
	section section
	text    string // "candidate:…"
}

// section identifies the media section of a candidate.
type section struct {
	media string // the value of m=
	mid   string // empty: absent
}

// parseFragment parses an SDP fragment. Lines have the form "x=…" and end with CRLF or LF. Lines that are not about ICE are
// ignored. Credentials may be in media sections, as in offers of browsers, but all sections must have the same credentials,
// as in a bundle. The error is a [refusal.Error].
func parseFragment(text string) (fragment, error) {
	var f fragment
	var current section
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return fragment{}, unreadable("line %q", line)
		}
		switch key, value, _ := strings.Cut(line[2:], ":"); {
		case line[0] == 'm':
			current = section{media: line[2:]}
		case line[0] != 'a': // ignored
		case key == "mid":
			current.mid = value
		case key == "ice-ufrag" || key == "ice-pwd":
			if err := f.setCredential(key, value); err != nil {
				return fragment{}, err
			}
		case key == "candidate":
			if len(strings.Fields(value)) < 8 { // the fields from foundation to type (RFC 8839, section 5.1)
				return fragment{}, unreadable("candidate %q", line)
			}
			f.candidates = append(f.candidates, candidate{current, "candidate:" + value})
		case key == "end-of-candidates":
			f.end = true
		}
	}
	if f.ufrag == "" && f.pwd == "" && len(f.candidates) == 0 && !f.end {
		return fragment{}, refusal.New(codeUnreadable, "the fragment has neither candidates nor ICE credentials; accepted is %s (RFC 8840)", typeFragment)
	}
	return f, nil
}

// unreadable returns the error about a line that cannot be parsed. format has one verb, for the line.
func unreadable(format, line string) error {
	const longest = 80 // bytes
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "") + "…"
	}
	return refusal.New(codeUnreadable, "the fragment cannot be read: "+format+"; accepted is %s (RFC 8840)", line, typeFragment)
}

// setCredential stores the value of a=ice-ufrag or a=ice-pwd. It returns an error if the fragment has another value already.
func (f *fragment) setCredential(key, value string) error {
	field := &f.ufrag
	if key == "ice-pwd" {
		field = &f.pwd
	}
	if value == "" || *field != "" && *field != value {
		return refusal.New(codeFragment, "a=%s is empty, or another one in each section; accepted is one for all, as in a bundle", key)
	}
	*field = value
	return nil
}

// String returns the fragment as text, which parseFragment can parse.
func (f fragment) String() string {
	var b strings.Builder
	line := func(prefix, value string) {
		if value != "" {
			b.WriteString(prefix + value + "\r\n")
		}
	}
	line("a=ice-ufrag:", f.ufrag)
	line("a=ice-pwd:", f.pwd)
	var current section
	for _, c := range f.candidates {
		if c.section != current {
			current = c.section
			line("m=", current.media)
			line("a=mid:", current.mid)
		}
		line("a=", c.text)
	}
	if f.end {
		line("a=", "end-of-candidates")
	}
	return b.String()
}

// fragmentOf returns the credentials and the candidates in a session description.
func fragmentOf(description string) (fragment, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(description); err != nil {
		return fragment{}, err
	}
	var f fragment
	for _, m := range d.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		for _, a := range m.Attributes {
			switch a.Key {
			case "candidate":
				f.candidates = append(f.candidates, candidate{section{m.MediaName.String(), mid}, "candidate:" + a.Value})
			case "end-of-candidates":
				f.end = true
			}
		}
		f.addCredentials(m.Attribute)
	}
	f.addCredentials(d.Attribute)
	return f, nil
}

// addCredentials sets the credentials that f does not have yet. attribute returns an attribute of a media section or of the
// session level.
func (f *fragment) addCredentials(attribute func(string) (string, bool)) {
	if ufrag, ok := attribute("ice-ufrag"); ok && f.ufrag == "" {
		f.ufrag = ufrag
	}
	if pwd, ok := attribute("ice-pwd"); ok && f.pwd == "" {
		f.pwd = pwd
	}
}

// forPeer returns the candidate in the form that [peer.Peer.AddCandidate] needs.
func (c candidate) forPeer() peer.Candidate {
	out := peer.Candidate{Candidate: c.text}
	if c.section.mid != "" {
		out.SDPMid = &c.section.mid
	}
	return out
}
