package peer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"azulejo/signal/refusal"
)

// Restart answers an offer that differs from the client's first one only in ICE credentials and candidates (RFC 8445 §9,
// RFC 8839 §4.4.1.1). The answer has all our candidates. Media continue over the new path without a new join; keyframes
// repair the loss in between. Other offers are refused with CodeSecondOffer and change nothing. It may be called any
// number of times, also before the connection is up.
func (p *Peer) Restart(text string) (string, error) {
	next, err := readOffer(text)
	if err != nil {
		return "", refusal.New(CodeSecondOffer, "a second offer that cannot be used: %v; accepted is one per connection, and an ICE restart of it", err)
	}
	return p.restart(func(first *offer) (*offer, error) {
		if err := first.checkSame(next); err != nil {
			return nil, err
		}
		return first.with(next.credentials(), next.candidates())
	})
}

// RestartICE is Restart with credentials alone, for dialects without a second offer. The client's new candidates follow
// with AddCandidate.
func (p *Peer) RestartICE(ufrag, pwd string) (answer string, err error) {
	c := credentials{ufrag, pwd}
	if err := c.check(); err != nil {
		return "", err
	}
	return p.restart(func(first *offer) (*offer, error) { return first.with(c, nil) })
}

// restart negotiates the offer that next makes from the first one.
func (p *Peer) restart(next func(first *offer) (*offer, error)) (string, error) {
	p.restarting.Lock()
	defer p.restarting.Unlock()
	if _, err := p.Gather(p.ctx); err != nil { // candidates of two generations would be mixed
		return "", err
	}
	if err := p.renegotiate(next); err != nil {
		return "", err
	}
	return p.Gather(p.ctx)
}

func (p *Peer) renegotiate(next func(first *offer) (*offer, error)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errEnded()
	}
	if p.clientOffer == nil {
		return refusal.New(CodeSecondOffer, "an offer from the side that was offered to; accepted is one offer per connection, and its ICE restart by who made it")
	}
	o, err := next(p.clientOffer)
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

// credentials are those of ICE (RFC 8839 §5.4).
type credentials struct{ ufrag, pwd string }

func (c credentials) check() error {
	if !iceText(c.ufrag, 4) || !iceText(c.pwd, 22) {
		return refusal.New(CodeBadSDP, "ICE credentials of %d and %d characters; accepted are 4 to 256 (ice-ufrag) and 22 to 256 (ice-pwd) letters, digits, + and /", len(c.ufrag), len(c.pwd))
	}
	return nil
}

// iceText tells whether s consists of ice-char. Chromium and Firefox obey it, others add - and _.
func iceText(s string, least int) bool {
	const chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_"
	return len(s) >= least && len(s) <= 256 && strings.Trim(s, chars) == ""
}

// transport is the section whose ICE attributes count for all (RFC 9143 §7.2): the first one of the bundle.
func (o *offer) transport() *sdp.MediaDescription {
	group, _ := o.sdp.Attribute("group")
	if mids := strings.Fields(group); len(mids) > 1 && mids[0] == "BUNDLE" {
		for _, m := range o.sdp.MediaDescriptions {
			if mid, _ := m.Attribute("mid"); mid == mids[1] {
				return m
			}
		}
	}
	return o.sdp.MediaDescriptions[0] // readOffer requires one
}

func (o *offer) credentials() credentials {
	return credentials{o.transportValue("ice-ufrag"), o.transportValue("ice-pwd")}
}

func (o *offer) transportValue(key string) string {
	if value, ok := o.sdp.Attribute(key); ok {
		return value
	}
	value, _ := o.transport().Attribute(key)
	return value
}

func (o *offer) candidates() []sdp.Attribute {
	var all []sdp.Attribute
	for _, a := range o.transport().Attributes {
		if a.IsICECandidate() {
			all = append(all, a)
		}
	}
	return all
}

// with is o with other credentials and candidates. Nothing else of the later offer is used.
func (o *offer) with(c credentials, candidates []sdp.Attribute) (*offer, error) {
	if c == o.credentials() {
		return nil, refusal.New(CodeSecondOffer, "a second offer with the ICE credentials of the first; accepted is one per connection, and an ICE restart of it with new ones")
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(o.text); err != nil {
		return nil, fmt.Errorf("read the first offer again: %w", err)
	}
	d.Attributes = c.replace(d.Attributes)
	for _, m := range d.MediaDescriptions {
		m.Attributes = c.replace(m.Attributes)
	}
	next := *o
	next.sdp = &d
	next.transport().Attributes = append(next.transport().Attributes, candidates...)
	text, err := d.Marshal()
	if err != nil {
		return nil, fmt.Errorf("write the first offer again: %w", err)
	}
	next.text = string(text)
	return &next, nil
}

// replace replaces the credentials by c and removes the candidates.
func (c credentials) replace(attributes []sdp.Attribute) []sdp.Attribute {
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

// checkSame returns an error that names what another offer of the client would change besides ICE.
func (o *offer) checkSame(other *offer) error {
	if a, b := o.transportValue("fingerprint"), other.transportValue("fingerprint"); !strings.EqualFold(a, b) {
		return errSecondOffer("comes from another connection (a=fingerprint)")
	}
	mine, theirs := o.sdp.MediaDescriptions, other.sdp.MediaDescriptions
	if len(mine) != len(theirs) {
		return errSecondOffer(fmt.Sprintf("has %d media sections instead of %d", len(theirs), len(mine)))
	}
	for i, m := range mine {
		if what := changed(m, theirs[i]); what != "" {
			return errSecondOffer(fmt.Sprintf("changes the %s of section %d", what, i))
		}
	}
	return nil
}

func errSecondOffer(what string) error {
	return refusal.New(CodeSecondOffer, "a second offer that %s; accepted is one per connection, and its ICE restart (RTCPeerConnection.restartIce), which changes nothing else", what)
}

// changed names the difference between two versions of a section; empty: none that matters. Formats may be listed in
// another order, but the meaning of a payload type has to stay.
func changed(a, b *sdp.MediaDescription) string {
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

func direction(m *sdp.MediaDescription) string {
	for _, d := range []string{"sendonly", "recvonly", "inactive"} {
		if _, ok := m.Attribute(d); ok {
			return d
		}
	}
	return "sendrecv"
}
