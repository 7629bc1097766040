package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"azulejo/signal/refusal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret  Secret = "0123456789abcdef0123456789abcdef"
	another Secret = "fedcba9876543210fedcba9876543210"
)

// guard makes a guard that needs tokens.
func guard(t testing.TB, change func(*Config)) *Guard {
	t.Helper()
	cfg := Config{Mode: ModeToken, Secret: secret}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// mint makes a token that is valid for an hour.
func mint(t testing.TB, room, name string, grants ...Grant) string {
	t.Helper()
	return mintUntil(t, secret, Pass{Room: room, Name: name, Grants: grants, Expires: time.Now().Add(time.Hour)})
}

func mintUntil(t testing.TB, s Secret, p Pass) string {
	t.Helper()
	token, err := Mint(s, p)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// wantCode checks that err is a refusal with a code and that its message has all the words.
func wantCode(t testing.TB, err error, code string, words ...string) {
	t.Helper()
	var no *refusal.Error
	if !errors.As(err, &no) {
		t.Fatalf("got %v, want a refusal %s", err, code)
	}
	if no.Code != code {
		t.Errorf("got %s (%s), want %s", no.Code, no.Message, code)
	}
	for _, word := range words {
		if !strings.Contains(no.Message, word) {
			t.Errorf("%q does not say %q", no.Message, word)
		}
	}
}
