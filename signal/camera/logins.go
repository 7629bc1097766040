package camera

import (
	"context"
	"crypto/sha256"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
)

// Limits of logins with one password. Cameras lock an account after five to seven wrong logins.
const (
	freeLogins = 2                // logins without a pause, until one of them succeeds; also the most in progress at once
	loginPause = 30 * time.Minute // from then on between two logins
)

// Logins limits the logins with wrong passwords, over all cameras and probes that share it. It knows an account by its host,
// user and password. So another password is tried at once, and the channels of a video recorder share one count. A port
// of the host that accepted its last login is not held up by what other ports refuse. Logins is safe for concurrent use. A
// nil *Logins allows every login.
type Logins struct {
	mu       sync.Mutex
	accounts map[accountKey]*account
}

// accountKey identifies an account. Its hash covers the user and the password, which are not kept.
type accountKey struct {
	host string
	hash [sha256.Size]byte
}

// account is the state of one account. The mu of its Logins protects it.
type account struct {
	ports   map[string]*portLogins
	pending int           // logins that no answer has come to yet
	next    time.Time     // when the next login is allowed, if freeLogins have failed
	changed chan struct{} // closed and replaced when a result comes
}

// portLogins has the results of the logins at one port of a host.
type portLogins struct {
	accepted bool // a login was accepted, and no later one was refused
	failed   int  // logins that were refused since the last one that was accepted
}

// NewLogins returns a Logins that has seen no login.
func NewLogins() *Logins { return &Logins{accounts: map[accountKey]*account{}} }

// Run plays the stream, unless its account must not log in now. Then it returns a [Failure] without a connection.
func (f *rtspFeed) Run(ctx context.Context, out func(mixer.Packet), refresh <-chan struct{}) error {
	if f.logins == nil || f.url.User == nil {
		return f.run(ctx, out, refresh)
	}
	if err := f.logins.check(f.url); err != nil {
		return err
	}
	var newest *login
	var earlier []*login
	playing := f.playing
	f.login = func(ctx context.Context, url *base.URL) (err error) {
		newest.answered() // a session opens another connection only then
		earlier = append(earlier, newest)
		newest, err = f.logins.begin(ctx, url)
		return err
	}
	f.described = func() { newest.answered() }
	f.playing = func(transport string, audio mixer.Codec) {
		newest.accept()
		concludeEarlier(earlier, newest)
		if playing != nil {
			playing(transport, audio)
		}
	}
	err := f.run(ctx, out, refresh)
	newest.conclude(err)
	concludeEarlier(earlier, newest)
	return err
}

// login is one connection's permission to send credentials. A nil login does nothing.
type login struct {
	logins  *Logins
	account *account
	port    *portLogins

	// The mu of logins protects these.
	free bool // it is not pending any more
	over bool // its result is known
}

// check returns a [Failure] if the account of url must not log in now.
func (l *Logins) check(url *base.URL) error {
	key, port := splitAccount(url)
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.find(key)
	if !a.at(port).accepted && a.refuses(time.Now()) {
		return a.refusal()
	}
	return nil
}

// begin waits until the account of url may log in, and returns the permission. While too many logins are in progress,
// further ones wait for an answer. The error is a [Failure] if the account must not log in now, or that of ctx.
func (l *Logins) begin(ctx context.Context, url *base.URL) (*login, error) {
	key, port := splitAccount(url)
	for {
		l.mu.Lock()
		got, wait, err := l.find(key).allow(l, port, time.Now())
		l.mu.Unlock()
		if got != nil || err != nil {
			return got, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-wait:
		}
	}
}

// splitAccount returns the account of a URL, and the port that it logs in at.
func splitAccount(url *base.URL) (key accountKey, port string) {
	password, _ := url.User.Password()
	key.host = strings.ToLower(url.Hostname())
	key.hash = sha256.Sum256([]byte(url.User.Username() + "\x00" + password))
	_, port, err := net.SplitHostPort(url.Host)
	if err != nil {
		port = url.Scheme // the scheme's usual port
	}
	return key, port
}

// find returns the state of an account, which it makes if it is missing. The caller must hold l.mu.
func (l *Logins) find(key accountKey) *account {
	a := l.accounts[key]
	if a == nil {
		a = &account{ports: map[string]*portLogins{}, changed: make(chan struct{})}
		l.accounts[key] = a
	}
	return a
}

// at returns the results of a port, which it makes if they are missing. The caller must hold the mu of the Logins.
func (a *account) at(port string) *portLogins {
	p := a.ports[port]
	if p == nil {
		p = &portLogins{}
		a.ports[port] = p
	}
	return p
}

// refuses tells whether too many logins have failed for another one now. The caller must hold the mu of the Logins.
func (a *account) refuses(now time.Time) bool { return a.failed() >= freeLogins && now.Before(a.next) }

// allow returns a permission, or an error, or a channel that is closed when the result of another login is known. The caller
// must hold l.mu.
func (a *account) allow(l *Logins, port string, now time.Time) (*login, <-chan struct{}, error) {
	p, most := a.at(port), freeLogins
	if !p.accepted {
		if a.refuses(now) {
			return nil, nil, a.refusal()
		}
		most = max(freeLogins-a.failed(), 1)
	}
	if a.pending >= most { // after accepted logins too: the server may begin to refuse
		return nil, a.changed, nil
	}
	a.pending++
	return &login{logins: l, account: a, port: p}, nil, nil
}

// refusal returns the error for a login that is not allowed yet.
func (a *account) refusal() error {
	return fail(mixer.ReasonWrongPassword, "the server refuses the password; next login at "+a.next.Format("15:04"))
}

// failed returns how many logins were refused, over all ports.
func (a *account) failed() (n int) {
	for _, p := range a.ports {
		n += p.failed
	}
	return n
}

// conclude notes how the session ended. It has no effect if the server has played before.
func (g *login) conclude(err error) {
	if refusesLogin(err) {
		g.refuse()
	} else {
		g.release()
	}
}

// concludeEarlier notes that the server accepted the earlier logins of a session, because it redirected them. At the port of the
// newest login only that one counts: some servers redirect whatever the password is. newest is nil if it was not allowed.
func concludeEarlier(earlier []*login, newest *login) {
	for _, g := range earlier {
		if g != nil && newest != nil && g.port != newest.port {
			g.accept()
		} else {
			g.release()
		}
	}
}

// refusesLogin tells whether err means that the server refused the login. The answer 403 speaks about the path and not about
// the password: it is reported as forbidden, and does not count as a refused login.
func refusesLogin(err error) bool { return failureOf(err).Reason == mixer.ReasonWrongPassword }

// accept notes that the server accepted the login.
func (g *login) accept() {
	g.end(func(p *portLogins, _ *account) { p.accepted, p.failed = true, 0 })
}

// refuse notes that the server refused the login.
func (g *login) refuse() {
	g.end(func(p *portLogins, a *account) {
		p.accepted = false
		p.failed++
		a.next = time.Now().Add(loginPause)
	})
}

// release gives the permission back if the session ended before the server answered.
func (g *login) release() { g.end(func(*portLogins, *account) {}) }

// answered notes that the server did not refuse the login at once. Others need not wait for its result then, which comes only
// when the session plays or ends.
func (g *login) answered() {
	if g == nil {
		return
	}
	g.logins.mu.Lock()
	defer g.logins.mu.Unlock()
	g.letGo()
}

// end applies the result of the login. Only the first call has an effect.
func (g *login) end(apply func(*portLogins, *account)) {
	if g == nil {
		return
	}
	g.logins.mu.Lock()
	defer g.logins.mu.Unlock()
	if g.over {
		return
	}
	g.over = true
	apply(g.port, g.account)
	g.letGo()
}

// letGo ends the time in which the login is pending. The caller must hold the mu of the Logins.
func (g *login) letGo() {
	if g.free {
		return
	}
	g.free = true
	g.account.pending--
	close(g.account.changed)
	g.account.changed = make(chan struct{})
}
