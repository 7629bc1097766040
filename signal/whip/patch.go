package whip

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"azulejo/signal/refusal"
)

// icing is the ICE session of a session: what it is called, and the client's credentials in it.
type icing struct {
	tag        string // strong entity tag (RFC 9110, section 8.8.3)
	ufrag, pwd string
}

func newICing(offer string) (icing, error) {
	f, err := fragmentOf(offer)
	if err != nil {
		return icing{}, fmt.Errorf("read the offer's credentials: %w", err)
	}
	return icing{newTag(), f.ufrag, f.pwd}, nil
}

func newTag() string { return quoted(rand.Text()) }

// end is DELETE of a session. It ignores If-Match (RFC 9725, section 4.3.1).
func (h *Handler) end(w http.ResponseWriter, r *http.Request) error {
	s, err := h.found(r)
	if err != nil {
		return err
	}
	s.stop(errLeft)
	select {
	case <-s.done:
	case <-r.Context().Done():
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// patch is PATCH of a session: candidates of the client for the ICE session that If-Match names, or, if it is "*" and the
// credentials are new ones, the beginning of another ICE session.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request) error {
	s, err := h.found(r)
	if err != nil {
		return err
	}
	body, err := read(w, r, typeFragment, "Accept-Patch")
	if err != nil {
		return err
	}
	match := strings.TrimSpace(strings.Join(r.Header.Values("If-Match"), ","))
	if match == "" {
		return refusal.New(codePrecondition, "no If-Match; accepted is the ETag of the ICE session, or * to restart ICE")
	}
	f, err := parseFragment(string(body))
	if err != nil {
		return err
	}
	var ours fragment
	tag := ""
	err = s.do(r.Context(), func() error {
		var wrong error
		ours, wrong = s.apply(match, f)
		tag = s.ice.tag
		return wrong
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
	_, _ = w.Write([]byte(ours.String())) // a client that went away restarts once more, or is given up
	return nil
}

// apply does what a fragment says, in the loop; after a restart it returns what we say about it.
func (s *session) apply(match string, f fragment) (fragment, error) {
	another := f.ufrag != "" && (f.ufrag != s.ice.ufrag || f.pwd != s.ice.pwd)
	switch {
	case match != "*" && !matches(match, s.ice.tag):
		return fragment{}, refusal.New(codeStale, "If-Match: %s is of another ICE session; accepted is its newest ETag, or * to restart ICE", match)
	case match != "*" && another:
		return fragment{}, refusal.New(codeFragment, "other ICE credentials than those of the ICE session; accepted are these, or If-Match: * to restart ICE")
	case !another:
		s.trickle(f)
		return fragment{}, nil
	}
	return s.restart(f)
}

// matches tells whether a list of entity tags has the one; weak ones never match (RFC 9110, section 13.1.1).
func matches(list, tag string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == tag {
			return true
		}
	}
	return false
}

// trickle leaves out what cannot be used (RFC 9725, section 4.3.2).
func (s *session) trickle(f fragment) {
	for _, c := range f.candidates {
		if err := s.peer.AddCandidate(c.trickled()); err != nil {
			s.log.Debug("candidate ignored", "candidate", c.text, "error", err)
		}
	}
}

// restart begins another ICE session; after an error the old one goes on.
func (s *session) restart(f fragment) (fragment, error) {
	answer, err := s.peer.RestartICE(f.ufrag, f.pwd)
	if err != nil {
		return fragment{}, err
	}
	s.ice.tag, s.ice.ufrag, s.ice.pwd = newTag(), f.ufrag, f.pwd
	s.trickle(f)
	return fragmentOf(answer)
}
