package whip

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strings"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
	"azulejo/signal/viewing"
)

// publish handles a POST to a WHIP endpoint.
func (h *Handler) publish(w http.ResponseWriter, r *http.Request) error {
	permit, err := h.admit(r, auth.Publish, true)
	if err != nil {
		return err
	}
	name, err := permit.Named(r.PathValue("name"))
	if err != nil {
		return err
	}
	offer, err := readOffer(w, r)
	if err != nil {
		return err
	}
	if !offer.Audio.Sends && !offer.Video.Sends {
		return refusal.New(codeNoMedia, "an offer that sends nothing; accepted are sections that are sendonly, or sendrecv")
	}
	screen, err := flag(r, "screen")
	if err != nil {
		return err
	}
	return h.open(w, r, post{
		offer: offer, grant: auth.Publish, name: name, endpoint: path("whip", r.PathValue("room"), r.PathValue("name")),
		joining: room.Joining{
			Name: name, Key: h.key(r, permit, name), Screen: screen, Layers: offer.Layers,
			Publish: room.Media{Audio: offer.Audio.Sends, Video: offer.Video.Sends},
		},
		options: session.Options{AudioOnly: true, HideVideo: true, HideAudio: true},
	})
}

// flag reads a parameter of the query, which must be 0 or 1. An absent parameter counts as 0.
func flag(r *http.Request, parameter string) (bool, error) {
	switch v := r.URL.Query().Get(parameter); v {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, refusal.New(viewing.CodeBadMessage, "%s=%s; accepted are 0 and 1", parameter, viewing.Clip(v))
	}
}

// key returns the key with which the publisher joins the room. Two publishers have the same key in the cases that the package
// comment lists under Places. Clients cannot compute the keys of others, because they do not know the salt.
func (h *Handler) key(r *http.Request, permit auth.Permit, name string) string {
	holder := "named"
	if permit.Name == "" {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		holder = "from " + host
		if token := auth.TokenOf(r); token != "" && !permit.Expires.IsZero() {
			holder = "token " + token
		}
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{h.salt, r.PathValue("room"), name, holder}, "\x00")))
	return hex.EncodeToString(sum[:])
}
