package viewing

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestQueries: a query selects the same as the message with the same fields.
func TestQueries(t *testing.T) {
	for query, want := range map[string]string{
		``: `{}`,
		`view=&spotlight=&exclude=&rung=&page=&audio=`: `{}`,
		`view=gates&token=x`:                           `{"view":"gates"}`,
		`view=gates&spotlight=%EC%A0%95%EB%AC%B8`:      `{"view":"gates","spotlight":"정문"}`,
		`page=2`: `{"page":2}`,
		`exclude=a&exclude=b+c&rung=360p&audio=1`: `{"exclude":["a","b c"],"rung":"360p"}`,
	} {
		got, err := fromQuery(t, query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		next, err := got.applyTo(firstChoice(), named)
		same, wrong := selectFrom(t, firstChoice(), want)
		if err != nil || wrong != nil {
			t.Fatal(query, err, wrong)
		}
		if diff := cmp.Diff(same, next, cmp.AllowUnexported(choice{})); diff != "" || got.Silent {
			t.Errorf("%s: silent %t, %s", query, got.Silent, diff)
		}
	}
}

func TestSilence(t *testing.T) {
	if s, err := fromQuery(t, "audio=0"); err != nil || !s.Silent {
		t.Errorf("got %+v, %v; want silence", s, err)
	}
	_, err := fromQuery(t, "audio=off")
	if err == nil || !strings.Contains(err.Error(), "audio=off; accepted are 0 and 1") {
		t.Errorf("got %v; want a refusal", err)
	}
}

func fromQuery(t *testing.T, query string) (Selection, error) {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return FromQuery(q)
}
