package whip

import (
	"net/http"
	"reflect"
	"slices"
	"testing"

	"azulejo/signal/peer"
	"azulejo/signal/viewing"
)

func TestAccept(t *testing.T) {
	for _, c := range []struct {
		accept []string
		want   bool
	}{
		{nil, true},
		{[]string{""}, true},
		{[]string{"*/*"}, true},
		{[]string{"application/*"}, true},
		{[]string{"text/html", "application/sdp;q=0.5"}, true},
		{[]string{"text/html, application/json"}, false},
		{[]string{"application/sdp;q=0, */*"}, false},
		{[]string{"*/*;q=0, application/sdp"}, true},
		{[]string{"application/*;q=0, */*"}, false},
		{[]string{"rub bish"}, false},
	} {
		if got := accepts(http.Header{"Accept": c.accept}, typeSDP); got != c.want {
			t.Errorf("%q: %t; want %t", c.accept, got, c.want)
		}
	}
}

func TestLinks(t *testing.T) {
	h := http.Header{}
	linkServers(h, []peer.ICEServer{
		{URLs: []string{"stun:stun.example.net"}},
		{URLs: []string{"turn:turn.example.net?transport=udp", "turns:turn.example.net"}, Username: `1700000000:a "b"`, Credential: `p\w=`},
		{URLs: []string{"turn:odd>; rel=x"}, Username: "u"},
	})
	linkEvents(h, "/whep/yard/x")
	const credentials = `; username="1700000000:a \"b\""; credential="p\\w="; credential-type="password"`
	want := []string{
		`<stun:stun.example.net>; rel="ice-server"`,
		`<turn:turn.example.net?transport=udp>; rel="ice-server"` + credentials,
		`<turns:turn.example.net>; rel="ice-server"` + credentials,
		`<turn:odd%3E;%20rel=x>; rel="ice-server"; username="u"; credential=""; credential-type="password"`,
		`</whep/yard/x/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="layout,rendition,overload,participants,end"`,
	}
	if got := h.Values("Link"); !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestMatches(t *testing.T) {
	for list, want := range map[string]bool{`"a"`: true, `"b", "a"`: true, `"b"`: false, `W/"a"`: false, `a`: false, ``: false} {
		if got := matches(list, `"a"`); got != want {
			t.Errorf("%s: %t; want %t", list, got, want)
		}
	}
}

func TestPath(t *testing.T) {
	if got, want := path("whip", "yard", "a/b 정?"), "/whip/yard/a%2Fb%20%EC%A0%95%3F"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

// TestSlowReader of events gets the newest of each kind.
func TestSlowReader(t *testing.T) {
	b := newBoard()
	r := b.subscribe()
	for n := range 1000 {
		b.publish("layout", n)
		if n%100 == 0 {
			b.publish("rendition", n)
		}
	}
	b.finish(endEvent{Type: "end"})
	var got []viewing.Message
	for n, ok := r.events.Pop(); ok; n, ok = r.events.Pop() {
		got = append(got, n)
	}
	want := []viewing.Message{{Kind: "rendition", Body: 900}, {Kind: "layout", Body: 999}, {Kind: "end", Body: endEvent{Type: "end"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	b.unsubscribe(r)
	if len(b.readers) != 0 {
		t.Errorf("%d readers after the only one has stopped", len(b.readers))
	}
}
