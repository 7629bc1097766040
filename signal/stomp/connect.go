package stomp

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/session"
)

// versions returns the versions that the server supports, the preferred one first.
func versions() []version { return []version{v12, v11, v10} }

// connect answers CONNECT or STOMP with the version and the heart-beats. It refuses an invalid token. The rights of the
// token are checked when the client enters a room.
func (c *client) connect(f *frame) error {
	v, err := agree(f.headers)
	if err != nil {
		return err
	}
	wanted, guaranteed, err := heartBeat(f.headers.get("heart-beat"))
	if err != nil {
		return err
	}
	if t := f.headers.get("token"); t != "" {
		c.token = t
	}
	if _, err := c.h.server.Guard.Admit(auth.Ask{Token: c.token, Remote: c.remote}); err != nil {
		return err
	}
	c.name = f.headers.get("name")
	if c.name == "" {
		c.name = f.headers.get("login")
	}
	c.connected, c.version, c.decoder.version = true, v, v
	c.due = time.After(10 * c.h.cfg.JoinWithin)
	return c.write(c.connectedFrame(wanted, guaranteed))
}

func (c *client) connectedFrame(wanted, guaranteed time.Duration) frame {
	f := frame{"CONNECTED", headers{{"version", string(c.version)}, {"session", c.id}, {"server", "azulejo"}}, ""}
	if c.version != v10 {
		beat := strconv.FormatInt(c.h.cfg.Beat.Milliseconds(), 10)
		f.headers = append(f.headers, header{"heart-beat", beat + "," + beat})
		c.heart.start(wanted, guaranteed, c.h.cfg.Beat)
	}
	if servers := c.iceServers(); len(servers) > 0 && c.mayUseMedia() {
		f.headers = append(f.headers, header{"ice-servers", asJSON(servers)})
	}
	return f
}

// mayUseMedia tells whether the token grants viewing or publishing in any room. Other clients need no TURN servers.
func (c *client) mayUseMedia() bool {
	for _, grant := range []auth.Grant{auth.View, auth.Publish} {
		if _, err := c.h.server.Guard.Admit(auth.Ask{Token: c.token, Grants: []auth.Grant{grant}, Remote: c.remote}); err == nil {
			return true
		}
	}
	return false
}

// iceServers returns the ICE servers that the client should use.
func (c *client) iceServers() []peer.ICEServer { return c.h.server.Engine.ICEServers(c.id) }

// agree picks the preferred version of those that both sides support. A client without accept-version uses 1.0.
func agree(h headers) (version, error) {
	accepted, found := h.find("accept-version")
	if !found {
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
	refused := refusal.New(codeUnsupported, "accept-version %q; accepted are 1.0, 1.1, 1.2", clip(accepted))
	return "", frameError{refused, headers{{"version", "1.0,1.1,1.2"}}} // 1.2, Protocol Negotiation
}

// heartBeat reads the value of a header heart-beat. The client wants to receive heart-beats at the interval wanted, and
// can send its own at the interval guaranteed. Zero means no heart-beats.
func heartBeat(value string) (wanted, guaranteed time.Duration, err error) {
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

// heart has the timers of the heart-beats in both directions. Its zero value has no timers.
type heart struct {
	ours   *time.Ticker  // when the server has to send a heart-beat
	theirs *time.Ticker  // when to check that the client has sent anything
	every  time.Duration // interval of the client's heart-beats
	last   time.Time     // when the client last sent anything
}

// missed is the number of consecutive heart-beats that a client may miss: browsers slow down timers of background pages.
const missed = 2

// start starts both tickers. Each direction has the longer of two intervals: the one that the receiver wants, and the
// one that the sender guarantees. The server's is own in both cases.
func (h *heart) start(wanted, guaranteed, own time.Duration) {
	h.last = time.Now()
	if wanted > 0 {
		h.ours = time.NewTicker(max(wanted, own))
	}
	if guaranteed > 0 {
		h.every = max(guaranteed, own)
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

// check returns ErrGone if the client has been silent for too long.
func (h *heart) check() error {
	if time.Since(h.last) > (missed+1)*h.every {
		return session.ErrGone
	}
	return nil
}
