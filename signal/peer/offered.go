package peer

import (
	"slices"

	"github.com/pion/sdp/v3"
)

// Offered is what an offer says to those who have to know it before a Peer answers.
type Offered struct {
	Audio, Video Section
	Layers       int // of the picture: 1 without simulcast
}

// Section is what a client would do with one kind of media.
type Section struct{ Sends, Receives bool }

// Inspect reads an offer as Answer does, and refuses what Answer refuses; sound alone is good.
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

// sends tells whether the client has media for a section.
func sends(m *sdp.MediaDescription) bool {
	_, recvonly := m.Attribute("recvonly")
	_, inactive := m.Attribute("inactive")
	return !recvonly && !inactive
}
