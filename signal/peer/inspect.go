package peer

import (
	"slices"

	"github.com/pion/sdp/v3"
)

// Offered describes an offer, for dialects that need the description before a Peer answers the offer.
type Offered struct {
	Audio, Video Section
	Layers       int // number of video layers; 1 without simulcast or without video
}

// Section says whether a client sends and receives one kind of media.
type Section struct{ Sends, Receives bool }

// Inspect parses an offer (SDP). Like Answer, it returns a [refusal.Error] for an unusable offer, but it accepts an offer
// without video.
func Inspect(offerSDP string) (Offered, error) {
	o, err := readOffer(offerSDP)
	if err != nil {
		return Offered{}, err
	}
	section := func(kind string) Section {
		return Section{Sends: slices.ContainsFunc(sections(o.sdp, kind), sends), Receives: o.receives[kind]}
	}
	return Offered{Audio: section("audio"), Video: section("video"), Layers: len(o.rids)}, nil
}

// sends reports whether the client sends media in a section.
func sends(m *sdp.MediaDescription) bool {
	_, recvonly := m.Attribute("recvonly")
	_, inactive := m.Attribute("inactive")
	return !recvonly && !inactive
}
