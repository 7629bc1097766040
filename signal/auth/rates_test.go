package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/signal/network"
)

// joinsLeft joins until it is refused, n times at most, and returns the number of admitted joins.
func joinsLeft(t *testing.T, g *Guard, token, remote string, n int) int {
	t.Helper()
	for i := range n {
		if _, err := g.Admit(Ask{Token: token, Room: "yard", Remote: remote, Join: true}); err != nil {
			wantCode(t, err, CodeTooMany, "joins", "accepted are 3 a minute")
			return i
		}
	}
	return n
}

func TestJoinsAreLimitedPerAddress(t *testing.T) {
	for _, mode := range []string{ModeNone, ModeToken} {
		synctest.Test(t, func(t *testing.T) {
			g := guard(t, func(c *Config) { c.Mode, c.JoinsPerMinute = mode, 3 })
			token := mint(t, "yard", "", View)
			if n := joinsLeft(t, g, token, "192.0.2.1:1000", 9); n != 3 {
				t.Errorf("%s: %d joins at once, want 3", mode, n)
			}
			if n := joinsLeft(t, g, token, "192.0.2.1:1001", 9); n != 0 {
				t.Errorf("%s: another port made %d more", mode, n)
			}
			if n := joinsLeft(t, g, token, "192.0.2.2:1000", 2); n != 2 {
				t.Errorf("%s: another address got %d, want 2", mode, n)
			}
			time.Sleep(20 * time.Second)
			if n := joinsLeft(t, g, token, "192.0.2.1:1000", 9); n != 1 {
				t.Errorf("%s: %d joins after a third of a minute, want 1", mode, n)
			}
		})
	}
}

func TestWhatIsNoJoinIsNotLimited(t *testing.T) {
	g := guard(t, func(c *Config) { c.JoinsPerMinute = 1 })
	for range 100 {
		if _, err := g.Admit(Ask{Token: mint(t, "yard", "", Footage), Room: "yard", Grants: []Grant{Footage}, Remote: "192.0.2.1:1"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailuresAreLimitedPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, func(c *Config) { c.FailuresPerMinute = 3 })
		admit := func(token, remote string) error {
			_, err := g.Admit(Ask{Token: token, Room: "yard", Remote: remote})
			return err
		}
		inside, late := mint(t, "yard", "Maria", View), mint(t, "yard", "Mario", View)
		if err := admit(inside, "192.0.2.1:1"); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			wantCode(t, admit(fmt.Sprint("guess", i), "192.0.2.1:1"), CodeUnauthorized)
		}
		wantCode(t, admit("guess3", "192.0.2.1:1"), CodeTooMany, "3 a minute")
		wantCode(t, admit("", "192.0.2.1:1"), CodeTooMany)
		wantCode(t, admit(late, "192.0.2.1:1"), CodeTooMany) // a right guess would be let in otherwise
		if err := admit(inside, "192.0.2.1:1"); err != nil {
			t.Errorf("who was in is out: %v", err)
		}
		if err := admit(late, "192.0.2.2:1"); err != nil {
			t.Errorf("another address: %v", err)
		}
		wantCode(t, admit("guess4", "192.0.2.2:1"), CodeUnauthorized)
		time.Sleep(20 * time.Second)
		wantCode(t, admit("guess5", "192.0.2.1:1"), CodeUnauthorized)
		wantCode(t, admit("guess6", "192.0.2.1:1"), CodeTooMany)
	})
}

// TestExpiredTokensLoseTheirPrivilege: after too many failures, a token that was valid more than an hour ago is refused.
func TestExpiredTokensLoseTheirPrivilege(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, func(c *Config) { c.FailuresPerMinute = 2 })
		ask := Ask{Token: mint(t, "yard", "", View), Room: "yard"}
		if _, err := g.Admit(ask); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour + time.Minute)
		for _, code := range []string{CodeUnauthorized, CodeUnauthorized, CodeTooMany} {
			_, err := g.Admit(ask)
			wantCode(t, err, code)
		}
	})
}

// TestWaitingIsLimitedPerAddress: many open connections of one address exclude only clients of the same address.
func TestWaitingIsLimitedPerAddress(t *testing.T) {
	g := guard(t, nil)
	var all []func()
	for range maxWaiting {
		done, err := g.Wait("192.0.2.1:1")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, done)
	}
	_, err := g.Wait("192.0.2.1:2")
	wantCode(t, err, CodeTooMany, "256", "accepted")
	if _, err = g.Wait("192.0.2.2:1"); err != nil {
		t.Errorf("another address: %v", err)
	}
	all[0]()
	all[0]() // counts once
	if _, err = g.Wait("192.0.2.1:3"); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
	_, err = g.Wait("192.0.2.1:4")
	wantCode(t, err, CodeTooMany)
	for _, done := range all {
		done()
	}
	if n := g.waiting.Networks(); n != 2 {
		t.Errorf("%d addresses are kept, want those of the two who wait", n)
	}
}

func TestOldAddressesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRates(5, 0)
		at := func(i int) netip.Prefix { return network.Of(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)) }
		for i := range 1000 {
			r.allow(at(i), time.Now())
		}
		time.Sleep(2*time.Minute + time.Second)
		r.allow(at(1), time.Now())
		if n := len(r.buckets.young) + len(r.buckets.old); n != 1 {
			t.Errorf("%d addresses are remembered after two quiet minutes, want 1", n)
		}
		for i := range 5 * maxYoung {
			r.allow(at(i), time.Now())
			if n := len(r.buckets.young) + len(r.buckets.old); n > 2*maxYoung {
				t.Fatalf("%d addresses are remembered, want at most %d", n, 2*maxYoung)
			}
		}
	})
}

// TestRecentKeepsWhatIsUsed, also when the young keys become old.
func TestRecentKeepsWhatIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecent[string, int](time.Minute)
		r.set("used", 1, time.Now())
		r.set("left", 2, time.Now())
		for range 10 {
			time.Sleep(59 * time.Second)
			if v, ok := r.get("used", time.Now()); !ok || v != 1 {
				t.Fatal("forgot what was used within the time")
			}
		}
		if _, ok := r.get("left", time.Now()); ok {
			t.Error("kept what was left for ten minutes")
		}
	})
}
