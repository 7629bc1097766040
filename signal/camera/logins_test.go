package camera

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
)

// nvr is a video recorder with many channels, on a fake clock. It counts wrong logins.
type nvr struct {
	logins   *Logins
	password string
	slow     time.Duration // to answer a login
	setup    time.Duration // from then on until it plays
	wrong    atomic.Int32
	right    atomic.Int32
}

// try logs in once, and returns the reason why it fails.
func (n *nvr) try(ctx context.Context, url string) mixer.Reason {
	u, err := base.ParseURL(url)
	if err != nil {
		panic(err)
	}
	if err = n.logins.check(u); err != nil {
		return failureOf(err).Reason
	}
	g, err := n.logins.begin(ctx, u)
	if err != nil {
		return failureOf(err).Reason
	}
	time.Sleep(n.slow)
	if password, _ := u.User.Password(); password != n.password {
		n.wrong.Add(1)
		g.conclude(fail(mixer.ReasonWrongPassword, "401"))
		return mixer.ReasonWrongPassword
	}
	n.right.Add(1)
	g.answered()
	time.Sleep(n.setup)
	g.accept()
	g.conclude(errFeed) // the session ends later
	return ""
}

// channels tries n channels at once, each for as many times, with a pause of a second.
func (n *nvr) channels(t *testing.T, channels, times int, format string) {
	t.Helper()
	var work sync.WaitGroup
	for i := range channels {
		work.Go(func() {
			for range times {
				n.try(t.Context(), fmt.Sprintf(format, i))
				time.Sleep(time.Second)
			}
		})
	}
	work.Wait()
}

func TestLoginsWithAWrongPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nvr{logins: NewLogins(), password: "right", slow: 100 * time.Millisecond}
		n.channels(t, 16, 60, "rtsp://admin:wrong@nvr/%d")
		if got := n.wrong.Load(); got != 2 {
			t.Errorf("%d logins in a minute, want 2", got)
		}
		time.Sleep(28 * time.Minute)
		n.channels(t, 16, 1, "rtsp://admin:wrong@NVR/%d")
		if got := n.wrong.Load(); got != 2 {
			t.Errorf("%d logins in 29 minutes, want 2", got)
		}
		time.Sleep(2 * time.Minute)
		n.channels(t, 16, 1, "rtsp://admin:wrong@nvr/%d")
		if got := n.wrong.Load(); got != 3 {
			t.Errorf("%d logins in half an hour, want 3", got)
		}
		n.channels(t, 16, 10, "rtsp://admin:other@nvr:8554/%d") // another password
		if got := n.wrong.Load(); got != 5 {
			t.Errorf("%d logins with two passwords, want 5", got)
		}
		n.channels(t, 16, 10, "rtsp://admin:right@nvr/%d")
		if got := n.right.Load(); got != 160 {
			t.Errorf("%d of 160 right logins were made", got)
		}
	})
}

// TestAllPortsOfAHostCount: the account of a host is one, but a port that has accepted it is not held up.
func TestAllPortsOfAHostCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nvr{logins: NewLogins(), password: "right"}
		if got := n.try(t.Context(), "rtsp://u:right@nat:1/a"); got != "" {
			t.Fatal(got)
		}
		n.password = "changed" // of the others behind the same address
		for port := 2; port < 9; port++ {
			n.channels(t, 1, 3, fmt.Sprintf("rtsp://u:right@nat:%d/%%d", port))
		}
		if got := n.wrong.Load(); got != 2 {
			t.Errorf("%d logins at other ports, want 2", got)
		}
		n.password = "right"
		if got := n.try(t.Context(), "rtsp://u:right@nat:1/a"); got != "" {
			t.Errorf("the good one is held up: %s", got)
		}
	})
}

// TestAPasswordThatChanges: the channels of a recorder that worked for long do not all try the old password.
func TestAPasswordThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nvr{logins: NewLogins(), password: "right", slow: 100 * time.Millisecond}
		n.channels(t, 16, 1, "rtsp://admin:right@nvr/%d")
		time.Sleep(time.Hour)
		n.password = "changed"
		n.channels(t, 16, 60, "rtsp://admin:right@nvr/%d")
		if got := n.wrong.Load(); got != 2 {
			t.Errorf("%d wrong logins, want 2", got)
		}
		time.Sleep(30 * time.Minute)
		n.password = "right" // it is changed back
		n.channels(t, 16, 1, "rtsp://admin:right@nvr/%d")
		if got := n.right.Load(); got != 32 {
			t.Errorf("%d of 16 channels log in again", got-16)
		}
	})
}

// TestManyChannelsStartAtOnce: with the right password, a login waits for the answers to others, and not until they play.
func TestManyChannelsStartAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nvr{logins: NewLogins(), password: "right", slow: 30 * time.Millisecond, setup: time.Second}
		began := time.Now()
		n.channels(t, 64, 1, "rtsp://admin:right@nvr/%d")
		if d := time.Since(began) - time.Second; d > time.Second+64/freeLogins*n.slow {
			t.Errorf("64 channels took %v", d)
		}
	})
}

// TestARecorderThatBeginsToRefuse right after it has accepted logins gets two wrong ones, however many channels come at once.
func TestARecorderThatBeginsToRefuse(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			n := &nvr{logins: NewLogins(), password: "right", slow: 100 * time.Millisecond}
			n.channels(t, 16, 1, "rtsp://admin:right@nvr/%d")
			time.Sleep(after)
			n.password = "changed"
			n.channels(t, 16, 10, "rtsp://admin:right@nvr/%d")
			if got := n.wrong.Load(); got != 2 {
				t.Errorf("%d wrong logins after %v, want 2", got, after)
			}
		})
	}
}

// TestTheNextLoginIsTold: a session that is not allowed to log in ends without a connection.
func TestTheNextLoginIsTold(t *testing.T) {
	l := NewLogins()
	f := openURL(t, Config{Name: "Gate", Logins: l}, "rtsp://admin:secret@127.0.0.1:1/gate").(*rtspFeed)
	for range freeLogins {
		g, err := l.begin(t.Context(), f.url)
		if err != nil {
			t.Fatal(err)
		}
		g.conclude(fail(mixer.ReasonWrongPassword, "401"))
	}
	err := f.Run(t.Context(), func(mixer.Packet) {}, nil)
	want := "next login at " + time.Now().Add(loginPause).Format("15:")
	if failureOf(err).Reason != mixer.ReasonWrongPassword || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want one with %q", err, want)
	}
}

// TestALoginThatWaitsEnds: a session that waits for the result of another's login ends with its context.
func TestALoginThatWaitsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLogins()
		u, err := base.ParseURL("rtsp://u:p@h/")
		if err != nil {
			t.Fatal(err)
		}
		for range freeLogins {
			if _, err := l.begin(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := l.begin(ctx, u); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
