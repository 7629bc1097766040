package stomp

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
)

// versions that we speak, the best first.
func versions() []version { return []version{v12, v11, v10} }

// connect answers CONNECT or STOMP: the version, the heart-beats, and whether the token is any good; what it is good
// for is asked where a room is entered.
func (s *session) connect(f *frame) error {
	v, err := agree(f.headers)
	if err != nil {
		return err
	}
	wants, gives, err := heartBeat(f.headers.get("heart-beat"))
	if err != nil {
		return err
	}
	if t := f.headers.get("token"); t != "" {
		s.token = t
	}
	if _, err := s.h.guard.Admit(auth.Ask{Token: s.token, Remote: s.remote}); err != nil {
		return err
	}
	s.name = f.headers.get("name")
	if s.name == "" {
		s.name = f.headers.get("login")
	}
	s.connected, s.version, s.decoder.version = true, v, v
	s.due = time.After(10 * s.h.cfg.JoinWithin)
	return s.write(s.connectedFrame(wants, gives))
}

func (s *session) connectedFrame(wants, gives time.Duration) frame {
	f := frame{"CONNECTED", headers{{"version", string(s.version)}, {"session", s.id}, {"server", "azulejo"}}, ""}
	if s.version != v10 {
		beat := strconv.FormatInt(s.h.cfg.Beat.Milliseconds(), 10)
		f.headers = append(f.headers, header{"heart-beat", beat + "," + beat})
		s.heart.begin(wants, gives, s.h.cfg.Beat)
	}
	if servers := s.iceServers(); len(servers) > 0 && s.mayMeet() {
		f.headers = append(f.headers, header{"ice-servers", asJSON(servers)})
	}
	return f
}

// mayMeet tells whether the token is good for any connection of media: relays are for nothing else.
func (s *session) mayMeet() bool {
	for _, grant := range []auth.Grant{auth.View, auth.Publish} {
		if _, err := s.h.guard.Admit(auth.Ask{Token: s.token, Grants: []auth.Grant{grant}, Remote: s.remote}); err == nil {
			return true
		}
	}
	return false
}

// iceServers are those that the client should use.
func (s *session) iceServers() []peer.ICEServer { return s.h.engine.ICEServers(s.id) }

// agree picks the best version that both speak. A client that does not say speaks 1.0.
func agree(h headers) (version, error) {
	accepted, said := h.find("accept-version")
	if !said {
		return v10, nil
	}
	theirs := strings.Split(accepted, ",")
	for i := range theirs {
		theirs[i] = strings.TrimSpace(theirs[i])
	}
	for _, v := range versions() {
		if slices.Contains(theirs, string(v)) {
			return v, nil
		}
	}
	no := refusal.New(codeUnsupported, "accept-version %q; accepted are 1.0, 1.1, 1.2", clip(accepted))
	return "", frameError{no, headers{{"version", "1.0,1.1,1.2"}}} // 1.2, Protocol Negotiation
}

// heartBeat reads a header heart-beat: how often the client wants to hear from us, and how often it lets us hear from
// it; zero: never.
func heartBeat(value string) (wants, gives time.Duration, err error) {
	if value == "" {
		return 0, 0, nil
	}
	first, second, ok := strings.Cut(value, ",")
	g, bad1 := strconv.ParseUint(strings.TrimSpace(first), 10, 31)
	w, bad2 := strconv.ParseUint(strings.TrimSpace(second), 10, 31)
	if !ok || bad1 != nil || bad2 != nil {
		return 0, 0, malformed("heart-beat %q; accepted are two numbers of milliseconds", clip(value))
	}
	return time.Duration(w) * time.Millisecond, time.Duration(g) * time.Millisecond, nil
}

// heart keeps the heart-beats of both sides. Its zero value has none.
type heart struct {
	ours   *time.Ticker
	theirs *time.Ticker
	every  time.Duration // that theirs come at least
	last   time.Time     // that anything came
}

// missed is how many heart-beats in a row may be missing: timers of pages in the background are slow.
const missed = 2

// begin starts what both have agreed on: the longer of what one wants and the other can.
func (h *heart) begin(wants, gives, can time.Duration) {
	h.last = time.Now()
	if wants > 0 {
		h.ours = time.NewTicker(max(wants, can))
	}
	if gives > 0 {
		h.every = max(gives, can)
		h.theirs = time.NewTicker(h.every)
	}
}

func (h *heart) heard() { h.last = time.Now() }

func (h *heart) stop() {
	for _, t := range []*time.Ticker{h.ours, h.theirs} {
		if t != nil {
			t.Stop()
		}
	}
}

func (h *heart) beats() <-chan time.Time  { return ticks(h.ours) }
func (h *heart) checks() <-chan time.Time { return ticks(h.theirs) }

func ticks(t *time.Ticker) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

// check tells whether the client has been silent for too long: then it is gone.
func (h *heart) check() error {
	if time.Since(h.last) > (missed+1)*h.every {
		return errGone
	}
	return nil
}
