package whip

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
	"azulejo/signal/session"
)

// iceSession is the present ICE session of a client.
type iceSession struct {
	tag        string // strong entity tag (RFC 9110, section 8.8.3) that identifies the ICE session
	ufrag, pwd string // of the client
	restarts   *rate.Limiter
}

// The limits of ICE restarts for one client. A client needs a restart only when it changes networks.
const (
	restartsAtOnce = 10
	restartEvery   = time.Second
)

// newICESession returns the first ICE session, with the credentials in the client's offer.
func newICESession(offer string) (iceSession, error) {
	f, err := fragmentOf(offer)
	if err != nil {
		return iceSession{}, fmt.Errorf("read the offer's credentials: %w", err)
	}
	return iceSession{newTag(), f.ufrag, f.pwd, rate.NewLimiter(rate.Every(restartEvery), restartsAtOnce)}, nil
}

func newTag() string { return quoted(rand.Text()) }

// remove handles a DELETE of a session. It ignores If-Match (RFC 9725, section 4.3.1).
func (h *Handler) remove(w http.ResponseWriter, r *http.Request) error {
	c, err := h.find(r)
	if err != nil {
		return err
	}
	c.stop(session.ErrLeft)
	select {
	case <-c.done:
	case <-r.Context().Done():
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// patch handles a PATCH of a session. It restarts ICE if If-Match is "*" and the body has new credentials. Otherwise it adds
// the client's candidates to the ICE session.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request) error {
	c, err := h.find(r)
	if err != nil {
		return err
	}
	match, theirs, err := readPatch(w, r)
	if err != nil {
		return err
	}
	var ours fragment
	tag := ""
	err = c.do(r.Context(), func() error {
		var refused error
		ours, refused = c.apply(match, theirs)
		tag = c.ice.tag
		return refused
	})
	if err != nil {
		return err
	}
	if ours.ufrag == "" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Content-Type", typeFragment)
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(ours.String())) // without the answer the client restarts again, or its connection fails
	return nil
}

// readPatch returns the value of If-Match, and the fragment in the body.
func readPatch(w http.ResponseWriter, r *http.Request) (match string, f fragment, err error) {
	body, err := read(w, r, typeFragment, "Accept-Patch")
	if err != nil {
		return "", fragment{}, err
	}
	switch match = strings.TrimSpace(strings.Join(r.Header.Values("If-Match"), ",")); match {
	case "":
		return "", fragment{}, refusal.New(codePrecondition, "no If-Match; accepted is the ETag of the ICE session, or * to restart ICE")
	case `"*"`: // an example in RFC 9725 has the quotes
		match = "*"
	}
	f, err = parseFragment(string(body))
	return match, f, err
}

// apply executes a fragment of the client. match is the value of If-Match. After an ICE restart apply returns the fragment of
// the server, otherwise an empty fragment. It must be called in the loop.
func (c *client) apply(match string, f fragment) (fragment, error) {
	newCredentials := f.ufrag != "" && (f.ufrag != c.ice.ufrag || f.pwd != c.ice.pwd)
	switch {
	case match != "*" && !matches(match, c.ice.tag):
		return fragment{}, refusal.New(codeStale, "If-Match: %s is of another ICE session; accepted is its newest ETag, or * to restart ICE", match)
	case match != "*" && newCredentials:
		return fragment{}, refusal.New(codeFragment, "other ICE credentials than those of the ICE session; accepted are these, or If-Match: * to restart ICE")
	case !newCredentials:
		c.trickle(f)
		return fragment{}, nil
	}
	return c.restart(f)
}

// matches tells whether a list of entity tags contains tag. Weak tags never match (RFC 9110, section 13.1.1).
func matches(list, tag string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == tag {
			return true
		}
	}
	return false
}

// trickle adds the candidates of a fragment to the peer. It ignores candidates that the peer refuses (RFC 9725, section 4.3.2).
func (c *client) trickle(f fragment) {
	for _, candidate := range f.candidates {
		if err := c.session.Peer().AddCandidate(candidate.forPeer()); err != nil {
			c.log.Debug("candidate ignored", "candidate", candidate.text, "error", err)
		}
	}
}

// restart replaces the ICE session, and returns the fragment of the server. After an error the old ICE session continues.
func (c *client) restart(f fragment) (fragment, error) {
	if !c.ice.restarts.Allow() {
		return fragment{}, refusal.New(auth.CodeTooMany, "too many ICE restarts; accepted is one in %v, and %d at once", restartEvery, restartsAtOnce)
	}
	answer, err := c.session.Peer().RestartICE(f.ufrag, f.pwd)
	if err != nil {
		return fragment{}, err
	}
	c.ice.tag, c.ice.ufrag, c.ice.pwd = newTag(), f.ufrag, f.pwd
	c.trickle(f)
	return fragmentOf(answer)
}
