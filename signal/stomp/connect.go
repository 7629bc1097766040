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

// versions returns the STOMP versions that the server supports, in the order of preference.
func versions() []version { return []version{v12, v11, v10} }

// connect executes a CONNECT or STOMP frame, and answers with CONNECTED. It refuses an invalid token. The grants of the token
// are checked when the client enters a room.
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

// connectedFrame returns the CONNECTED frame, and starts the heart-beats. wanted and guaranteed are as in heartBeat.
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

// mayUseMedia tells whether the client's token has the grant View or Publish. Other clients need no TURN servers.
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

// agree returns the preferred version among those that both sides support. A client that does not send the header
// accept-version uses 1.0.
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
	return "", frameError{refused, headers{{"version", "1.0,1.1,1.2"}}} // STOMP 1.2, Protocol Negotiation
}

// heartBeat parses the value of the header heart-beat. wanted is the interval at which the client wants to receive
// heart-beats. guaranteed is the interval at which the client can send heart-beats. Zero means no heart-beats.
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

// heart has the tickers of the heart-beats in both directions. The zero value has no tickers.
type heart struct {
	sendTicker  *time.Ticker  // ticks when the server has to send a heart-beat; nil: it sends none
	checkTicker *time.Ticker  // ticks when the client must have sent anything; nil: the client sends no heart-beats
	interval    time.Duration // of the client's heart-beats
	lastHeard   time.Time     // when the client last sent anything
}

// maxMissed is the number of consecutive heart-beats that a client may miss. Browsers slow down the timers of background pages.
const maxMissed = 2

// start starts both tickers. The interval of each direction is the longer of two: the interval that the receiver wants, and
// the interval that the sender guarantees. The server wants and guarantees the interval own.
func (h *heart) start(wanted, guaranteed, own time.Duration) {
	h.lastHeard = time.Now()
	if wanted > 0 {
		h.sendTicker = time.NewTicker(max(wanted, own))
	}
	if guaranteed > 0 {
		h.interval = max(guaranteed, own)
		h.checkTicker = time.NewTicker(h.interval)
	}
}

// heard records that the client has sent anything.
func (h *heart) heard() { h.lastHeard = time.Now() }

func (h *heart) stop() {
	for _, t := range []*time.Ticker{h.sendTicker, h.checkTicker} {
		if t != nil {
			t.Stop()
		}
	}
}

// beats returns a channel that fires when the server has to send a heart-beat.
func (h *heart) beats() <-chan time.Time { return ticks(h.sendTicker) }

// checks returns a channel that fires when check has to be called.
func (h *heart) checks() <-chan time.Time { return ticks(h.checkTicker) }

// ticks returns the channel of a ticker. For a nil ticker it returns a nil channel, which never fires.
func ticks(t *time.Ticker) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

// check returns ErrGone if the client has been silent for too long.
func (h *heart) check() error {
	if time.Since(h.lastHeard) > (maxMissed+1)*h.interval {
		return session.ErrGone
	}
	return nil
}
