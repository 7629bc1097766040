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

// iceSession is the present ICE session of a client: the entity tag that names it, the client's credentials in it, and
// the limit of its restarts.
type iceSession struct {
	tag        string // strong entity tag (RFC 9110, section 8.8.3)
	ufrag, pwd string
	restarts   *rate.Limiter
}

// The limit of ICE restarts. A client needs one only when it changes networks.
const (
	restartsAtOnce = 10
	restartEvery   = time.Second
)

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
	c, err := h.found(r)
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

// patch handles a PATCH of a session. It adds candidates of the client to the ICE session that If-Match names. If
// If-Match is "*" and the credentials are new, it restarts ICE.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request) error {
	c, err := h.found(r)
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

// readPatch returns If-Match and the fragment in the body.
func readPatch(w http.ResponseWriter, r *http.Request) (match string, f fragment, err error) {
	body, err := read(w, r, typeFragment, "Accept-Patch")
	if err != nil {
		return "", fragment{}, err
	}
	switch match = strings.TrimSpace(strings.Join(r.Header.Values("If-Match"), ",")); match {
	case "":
		return "", fragment{}, refusal.New(codePrecondition, "no If-Match; accepted is the ETag of the ICE session, or * to restart ICE")
	case `"*"`: // as in an example of RFC 9725
		match = "*"
	}
	f, err = parseFragment(string(body))
	return match, f, err
}

// apply executes a fragment of the client. It must be called in the loop. After a restart of ICE it returns the
// fragment of the server, otherwise an empty one.
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

// matches tells whether a list of entity tags contains one; weak tags never match (RFC 9110, section 13.1.1).
func matches(list, tag string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == tag {
			return true
		}
	}
	return false
}

// trickle adds the candidates of a fragment. It ignores those that cannot be used (RFC 9725, section 4.3.2).
func (c *client) trickle(f fragment) {
	for _, candidate := range f.candidates {
		if err := c.session.Peer().AddCandidate(candidate.trickled()); err != nil {
			c.log.Debug("candidate ignored", "candidate", candidate.text, "error", err)
		}
	}
}

// restart starts another ICE session. After an error the old one goes on.
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
