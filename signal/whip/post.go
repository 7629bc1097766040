package whip

import (
	"net/http"

	"github.com/pion/sdp/v3"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
	"azulejo/signal/viewing"
)

// post is a POST of an offer that has passed all checks. A client is made from it.
type post struct {
	offer    offered
	grant    auth.Grant // see client.grant
	name     string     // see client.name
	endpoint string     // path of the POST
	joining  room.Joining
	watch    viewing.Selection // the client watches it first
	options  session.Options
}

// offered is an SDP offer and its description.
type offered struct {
	peer.Offered
	text string // SDP
}

// readOffer reads and checks the offer in the body of a POST, for WHIP and WHEP.
func readOffer(w http.ResponseWriter, r *http.Request) (offered, error) {
	body, err := read(w, r, typeSDP, "Accept-Post")
	if err != nil {
		return offered{}, err
	}
	if !accepts(r.Header, typeSDP) {
		return offered{}, refusal.New(codeAccept, "the answer is %s, which Accept leaves out; accepted is one that does not", typeSDP)
	}
	o := offered{text: string(body)}
	if o.text == "" { // the SDP parser would accept an empty text
		return offered{}, refusal.New(codeUnreadable, "an empty body; accepted is an offer as RTCPeerConnection.createOffer makes it")
	}
	var d sdp.SessionDescription
	if err = d.UnmarshalString(o.text); err != nil {
		return offered{}, refusal.New(codeUnreadable, "the body is no SDP (%v); accepted is an offer as RTCPeerConnection.createOffer makes it", err)
	}
	o.Offered, err = peer.Inspect(o.text)
	return o, err
}

// open makes the client, starts its loop and answers the POST. After an error nothing remains of the client, and the caller
// must answer the POST.
func (h *Handler) open(w http.ResponseWriter, r *http.Request, p post) error {
	if err := h.acquire(); err != nil {
		return err
	}
	defer h.release()
	c := h.newClient(r, p)
	answer, err := c.open(r, p)
	if err != nil {
		c.discard(err)
		return err
	}
	tag := c.ice.tag // read before start, because only the loop may use c.ice afterwards
	h.start(c)
	w.Header().Set("ETag", tag)
	c.respond(w, answer)
	return nil
}

// respond writes the response to the POST that made the client.
func (c *client) respond(w http.ResponseWriter, answer string) {
	header := w.Header()
	header.Set("Content-Type", typeSDP)
	header.Set("Location", c.location)
	header.Set("Accept-Patch", typeFragment)
	header.Set("Cache-Control", "no-store")
	linkServers(header, c.h.server.Engine.ICEServers(c.user))
	if c.board != nil {
		linkEvents(header, c.location)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write([]byte(answer)) // after an error the client gets no answer, so ConnectWithin ends the session
}
