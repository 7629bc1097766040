package peer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"azulejo/signal/refusal"
)

// Restart handles an ICE restart: an offer (SDP) that differs from the client's first offer only in ICE credentials and
// candidates (RFC 8445 §9, RFC 8839 §4.4.1.1). It returns the answer (SDP) with all local candidates. Media continue over
// the new path, and keyframes repair the loss. Other offers are refused with CodeSecondOffer and change nothing. Restart may
// be called any number of times, also before the connection is up. It blocks until all local candidates are known.
func (p *Peer) Restart(offerSDP string) (string, error) {
	next, err := readOffer(offerSDP)
	if err != nil {
		return "", refusal.New(CodeSecondOffer, "a second offer that cannot be used: %v; accepted is one per connection, and an ICE restart of it", err)
	}
	return p.restart(func(first *offer) (*offer, error) {
		if err := first.checkSame(next); err != nil {
			return nil, err
		}
		return first.withICE(next.credentials(), next.candidates())
	})
}

// RestartICE is Restart for dialects that have no second offer. It gets only the client's new ICE credentials. AddCandidate
// then adds the client's new candidates.
func (p *Peer) RestartICE(ufrag, pwd string) (answer string, err error) {
	c := credentials{ufrag, pwd}
	if err := c.check(); err != nil {
		return "", err
	}
	return p.restart(func(first *offer) (*offer, error) { return first.withICE(c, nil) })
}

// restart negotiates the offer that makeOffer makes from the client's first offer, and returns the answer (SDP).
func (p *Peer) restart(makeOffer func(first *offer) (*offer, error)) (string, error) {
	p.restarting.Lock()
	defer p.restarting.Unlock()
	if _, err := p.Gather(p.ctx); err != nil { // otherwise candidates from before and after the restart would be mixed
		return "", err
	}
	if err := p.renegotiate(makeOffer); err != nil {
		return "", err
	}
	return p.Gather(p.ctx)
}

// renegotiate applies the offer that makeOffer makes, and the answer to it, to the connection.
func (p *Peer) renegotiate(makeOffer func(first *offer) (*offer, error)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errEnded()
	}
	if p.clientOffer == nil {
		return refusal.New(CodeSecondOffer, "an offer from the side that was offered to; accepted is one offer per connection, and its ICE restart by who made it")
	}
	o, err := makeOffer(p.clientOffer)
	if err != nil {
		return err
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.text}); err != nil {
		return refusal.New(CodeBadSDP, "the ICE restart cannot be answered: %v; accepted is an offer as RTCPeerConnection.createOffer makes it", err)
	}
	if _, err := createAnswer(p.pc); err != nil {
		return fmt.Errorf("answer the ICE restart: %w", err)
	}
	p.clientOffer, p.candidates, p.gathered = o, 0, webrtc.GatheringCompletePromise(p.pc)
	return nil
}

// credentials are ICE credentials (RFC 8839 §5.4).
type credentials struct{ ufrag, pwd string }

func (c credentials) check() error {
	if !isICEText(c.ufrag, 4) || !isICEText(c.pwd, 22) {
		return refusal.New(CodeBadSDP, "ICE credentials of %d and %d characters; accepted are 4 to 256 (ice-ufrag) and 22 to 256 (ice-pwd) letters, digits, + and /", len(c.ufrag), len(c.pwd))
	}
	return nil
}

// isICEText reports whether s has minLength to 256 characters, each of which is an ice-char (RFC 8839 §5.4), - or _.
// Chromium and Firefox send ice-char only. Some other clients send - and _ too.
func isICEText(s string, minLength int) bool {
	const chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_"
	return len(s) >= minLength && len(s) <= 256 && strings.Trim(s, chars) == ""
}

// transportSection returns the section whose ICE attributes apply to all sections: the first section of the BUNDLE group
// (RFC 9143 §7.2).
func (o *offer) transportSection() *sdp.MediaDescription {
	group, _ := o.sdp.Attribute("group")
	if mids := strings.Fields(group); len(mids) > 1 && mids[0] == "BUNDLE" {
		for _, m := range o.sdp.MediaDescriptions {
			if mid, _ := m.Attribute("mid"); mid == mids[1] {
				return m
			}
		}
	}
	return o.sdp.MediaDescriptions[0] // readOffer requires at least one section
}

func (o *offer) credentials() credentials {
	return credentials{o.transportValue("ice-ufrag"), o.transportValue("ice-pwd")}
}

// transportValue returns the value of an attribute of the session, or else of the transport section.
func (o *offer) transportValue(key string) string {
	if value, ok := o.sdp.Attribute(key); ok {
		return value
	}
	value, _ := o.transportSection().Attribute(key)
	return value
}

// candidates returns the a=candidate attributes of the offer.
func (o *offer) candidates() []sdp.Attribute {
	var all []sdp.Attribute
	for _, a := range o.transportSection().Attributes {
		if a.IsICECandidate() {
			all = append(all, a)
		}
	}
	return all
}

// withICE returns a copy of o with other credentials and candidates. It refuses the credentials of o, because an ICE restart
// needs new ones.
func (o *offer) withICE(c credentials, candidates []sdp.Attribute) (*offer, error) {
	if c == o.credentials() {
		return nil, refusal.New(CodeSecondOffer, "a second offer with the ICE credentials of the first; accepted is one per connection, and an ICE restart of it with new ones")
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(o.text); err != nil {
		return nil, fmt.Errorf("read the first offer again: %w", err)
	}
	d.Attributes = c.replaceIn(d.Attributes)
	for _, m := range d.MediaDescriptions {
		m.Attributes = c.replaceIn(m.Attributes)
	}
	next := *o
	next.sdp = &d
	next.transportSection().Attributes = append(next.transportSection().Attributes, candidates...)
	text, err := d.Marshal()
	if err != nil {
		return nil, fmt.Errorf("write the first offer again: %w", err)
	}
	next.text = string(text)
	return &next, nil
}

// replaceIn returns a copy of attributes in which the ICE credentials are c and the candidates are removed.
func (c credentials) replaceIn(attributes []sdp.Attribute) []sdp.Attribute {
	var out []sdp.Attribute
	for _, a := range attributes {
		switch a.Key {
		case "candidate", "end-of-candidates":
			continue
		case "ice-ufrag":
			a.Value = c.ufrag
		case "ice-pwd":
			a.Value = c.pwd
		}
		out = append(out, a)
	}
	return out
}

// checkSame returns a refusal if another offer of the client changes more than ICE credentials and candidates. The text of
// the refusal names the change.
func (o *offer) checkSame(other *offer) error {
	if a, b := o.transportValue("fingerprint"), other.transportValue("fingerprint"); !strings.EqualFold(a, b) {
		return errSecondOffer("comes from another connection (a=fingerprint)")
	}
	first, second := o.sdp.MediaDescriptions, other.sdp.MediaDescriptions
	if len(first) != len(second) {
		return errSecondOffer(fmt.Sprintf("has %d media sections instead of %d", len(second), len(first)))
	}
	for i, m := range first {
		if part := changedPart(m, second[i]); part != "" {
			return errSecondOffer(fmt.Sprintf("changes the %s of section %d", part, i))
		}
	}
	return nil
}

// errSecondOffer returns the refusal of a second offer. difference completes the sentence "a second offer that …".
func errSecondOffer(difference string) error {
	return refusal.New(CodeSecondOffer, "a second offer that %s; accepted is one per connection, and its ICE restart (RTCPeerConnection.restartIce), which changes nothing else", difference)
}

// changedPart names the part of a section that differs between a and b. It is empty if no difference matters. b may list
// its payload types in another order and may have new ones, but a payload type of a must keep its codec.
func changedPart(a, b *sdp.MediaDescription) string {
	value := func(m *sdp.MediaDescription, key string) string {
		v, _ := m.Attribute(key)
		return v
	}
	switch {
	case a.MediaName.Media != b.MediaName.Media:
		return "kind of media"
	case value(a, "mid") != value(b, "mid"):
		return "name (a=mid)"
	case direction(a) != direction(b):
		return "direction"
	case !slices.Equal(sentLayers(a), sentLayers(b)):
		return "layers (a=simulcast)"
	}
	for _, format := range b.MediaName.Formats {
		if before := attribute(a.Attributes, "rtpmap", format); before != "" && before != attribute(b.Attributes, "rtpmap", format) {
			return "codecs"
		}
	}
	return ""
}

// direction returns the direction attribute of a section. The default is sendrecv (RFC 8866 §6.7).
func direction(m *sdp.MediaDescription) string {
	for _, d := range []string{"sendonly", "recvonly", "inactive"} {
		if _, ok := m.Attribute(d); ok {
			return d
		}
	}
	return "sendrecv"
}
