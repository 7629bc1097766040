package network

import (
	"net/netip"
	"testing"
)

func TestOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80":                "192.0.2.1/32",
		"[::ffff:192.0.2.1]:80":       "192.0.2.1/32",
		"[2001:db8:1:2:3:4:5:6]:80":   "2001:db8:1:2::/64",
		"[2001:db8:1:2::9]:81":        "2001:db8:1:2::/64",
		"[2001:db8:1:3::9]:81":        "2001:db8:1:3::/64",
		"[fe80::1%eth0]:80":           "fe80::/64",
		"127.0.0.1:5":                 "127.0.0.1/32",
		"":                            "invalid Prefix",
		"@":                           "invalid Prefix",
		"192.0.2.1":                   "invalid Prefix",
		"example.org:80":              "invalid Prefix",
		"[2001:db8:1:2:3:4:5:6]:port": "invalid Prefix",
	} {
		if got := Of(remote).String(); got != want {
			t.Errorf("%q: %s, want %s", remote, got, want)
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, s := range []string{"192.0.2.1:80", "[::1%a]:1", "[::ffff:1.2.3.4%x]:9", ":", "[]:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, remote string) {
		n := Of(remote)
		if n != (netip.Prefix{}) && (n != n.Masked() || n.Addr().Is4In6() || n.Addr().Zone() != "") {
			t.Errorf("%q: %v stands for more than itself", remote, n)
		}
	})
}
