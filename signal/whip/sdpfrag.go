package whip

import (
	"strings"

	"github.com/pion/sdp/v3"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
)

// fragment is the part of an SDP that trickle ICE sends (RFC 8840, section 9).
type fragment struct {
	ufrag, pwd string // empty: absent
	candidates []candidate
	end        bool // no more candidates will come
}

// candidate is one line a=candidate.
type candidate struct {
	of   section
	text string // "candidate:…"
}

// section is the media section of a candidate.
type section struct {
	media string // the value of m=
	mid   string // empty: absent
}

// parseFragment reads lines "x=…" that end with CRLF or LF, and ignores lines that are not about ICE. Credentials may
// be in a media section, as in offers of browsers: in a bundle all sections have the same ones. The error is a
// [refusal.Error].
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
			if err := f.credential(key, value); err != nil {
				return fragment{}, err
			}
		case key == "candidate":
			if len(strings.Fields(value)) < 8 { // foundation to type (RFC 8839, section 5.1)
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

func unreadable(format, line string) error {
	const enough = 80
	if len(line) > enough {
		line = strings.ToValidUTF8(line[:enough], "") + "…"
	}
	return refusal.New(codeUnreadable, "the fragment cannot be read: "+format+"; accepted is %s (RFC 8840)", line, typeFragment)
}

// credential stores a credential. If the fragment repeats the credential, the value must be the same.
func (f *fragment) credential(key, value string) error {
	to := &f.ufrag
	if key == "ice-pwd" {
		to = &f.pwd
	}
	if value == "" || *to != "" && *to != value {
		return refusal.New(codeFragment, "a=%s is empty, or another one in each section; accepted is one for all, as in a bundle", key)
	}
	*to = value
	return nil
}

// String returns the text that parseFragment reads.
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
		if c.of != current {
			current = c.of
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

// fragmentOf returns the credentials and the candidates of a description. In a bundle the candidates are in the first
// section.
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
				of := section{m.MediaName.String(), mid}
				f.candidates = append(f.candidates, candidate{of, "candidate:" + a.Value})
			case "end-of-candidates":
				f.end = true
			}
		}
		f.inherit(m.Attribute)
	}
	f.inherit(d.Attribute)
	return f, nil
}

// inherit sets the credentials that are still unknown from the attributes of a section or of the session.
func (f *fragment) inherit(attribute func(string) (string, bool)) {
	if ufrag, ok := attribute("ice-ufrag"); ok && f.ufrag == "" {
		f.ufrag = ufrag
	}
	if pwd, ok := attribute("ice-pwd"); ok && f.pwd == "" {
		f.pwd = pwd
	}
}

// trickled returns the candidate as the peer takes it.
func (c candidate) trickled() peer.Candidate {
	out := peer.Candidate{Candidate: c.text}
	if c.of.mid != "" {
		out.SDPMid = &c.of.mid
	}
	return out
}
