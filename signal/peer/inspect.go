package peer

import (
	"slices"

	"github.com/pion/sdp/v3"
)

// Offered describes an offer, for dialects that have to know it before a Peer answers.
type Offered struct {
	Audio, Video Section
	Layers       int // of video: 1 without simulcast
}

// Section is what a client would do with one kind of media.
type Section struct{ Sends, Receives bool }

// Inspect parses an offer and refuses what Answer refuses, except that an offer without video is accepted.
func Inspect(text string) (Offered, error) {
	o, err := readOffer(text)
	if err != nil {
		return Offered{}, err
	}
	section := func(kind string) Section {
		return Section{Sends: slices.ContainsFunc(sections(o.sdp, kind), sends), Receives: o.receives[kind]}
	}
	return Offered{Audio: section("audio"), Video: section("video"), Layers: len(o.rids)}, nil
}

// sends tells whether the client sends media in a section.
func sends(m *sdp.MediaDescription) bool {
	_, recvonly := m.Attribute("recvonly")
	_, inactive := m.Attribute("inactive")
	return !recvonly && !inactive
}
