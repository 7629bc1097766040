package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"azulejo/signal/auth"
)

const secret = "0123456789abcdef0123456789abcdef"

// command runs azulejo and returns its output and its exit code.
func command(t *testing.T, environ []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, bad bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), environ...)
	cmd.Stdout, cmd.Stderr = &out, &bad
	_ = cmd.Run() // the exit code is returned
	return out.String(), bad.String(), cmd.ProcessState.ExitCode()
}

func TestTokenCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "azulejo.yaml")
	if err := os.WriteFile(file, []byte("auth: {mode: token, secret: "+secret+"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := auth.New(auth.Config{Mode: auth.ModeToken, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range [][]string{{"-c", file}, nil} {
		var environ []string
		if source == nil {
			environ = []string{"AZULEJO_AUTH_SECRET=" + secret}
		}
		args := append([]string{"token", "--room", "yard", "--name", "Ana", "--grant", "view,publish", "--ttl", "30m"}, source...)
		stdout, stderr, code := command(t, environ, args...)
		if code != 0 || stderr != "" || strings.Count(stdout, "\n") != 1 {
			t.Fatalf("exit code %d: %q, %q", code, stdout, stderr)
		}
		permit, err := g.Admit(auth.Ask{Token: strings.TrimSpace(stdout), Room: "yard", Grants: []auth.Grant{auth.View, auth.Publish}})
		if left := time.Until(permit.Expires); err != nil || permit.Name != "Ana" || left > 30*time.Minute || left < 25*time.Minute {
			t.Errorf("%+v, %v", permit, err)
		}
	}
}

func TestTokenCommandSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		environ, want string
		args          []string
	}{
		{"AZULEJO_AUTH_SECRET=hunter2", "auth.secret: 7 bytes", []string{"--room", "yard"}},
		{"", "auth.secret: 0 bytes", []string{"--room", "yard"}},
		{"AZULEJO_AUTH_SECRET=" + secret, "--room", []string{"--room", "a b"}},
		{"AZULEJO_AUTH_SECRET=" + secret, "--ttl: -1h0m0s", []string{"--room", "yard", "--ttl=-1h"}},
		{"AZULEJO_AUTH_SECRET=" + secret, "--ttl", []string{"--room", "yard", "--ttl=1000000h"}},
		{"AZULEJO_AUTH_SECRET=" + secret, `--grant: "look"`, []string{"--room", "yard", "--grant", "view,look"}},
	} {
		stdout, stderr, code := command(t, []string{c.environ}, append([]string{"token"}, c.args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "hunter2") {
			t.Errorf("%v: exit code %d: %q, %q; want %s", c.args, code, stdout, stderr, c.want)
		}
	}
}

// TestTokensOpenARunningServer: a server with tokens admits clients with tokens that the command token made.
func TestTokensOpenARunningServer(t *testing.T) {
	t.Setenv("AZULEJO_AUTH_SECRET", secret)
	t.Setenv("AZULEJO_AUTH_MODE", "token")
	p := launch(t, "demo", "--cameras", "1", "--data", t.TempDir())
	mint := func(args ...string) string {
		stdout, stderr, code := command(t, nil, append([]string{"token"}, args...)...)
		if code != 0 {
			t.Fatalf("token %v: %s", args, stderr)
		}
		return strings.TrimSpace(stdout)
	}
	view := mint("--room", "demo", "--grant", "view")
	p.eventually(20*time.Second, "the room is open", func() bool { // the server may be ready a moment earlier
		code, _ := p.status("/api/v1/rooms/demo?token=" + view)
		return code == http.StatusOK
	})
	for _, c := range []struct {
		path, token string
		want        int
	}{
		{"/wall/demo", "", 401},
		{"/wall/demo", "garbage", 401},
		{"/wall/demo", view, 200},
		{"/join/demo", view, 403},
		{"/api/v1/rooms/demo", view, 200},
		{"/api/v1/rooms", view, 403},
		{"/api/v1/rooms", mint("--room", "*", "--grant", "admin"), 200},
		{"/api/v1/footage/demo", view, 403},
		{"/api/v1/footage/demo", mint("--room", "demo", "--grant", "footage"), 200},
		{"/metrics", "", 401},
		{"/healthz", "", 200},
		{"/static/azulejo.js", "", 200},
	} {
		if got, body := p.status(c.path + "?token=" + c.token); got != c.want {
			t.Errorf("%s: %d, want %d: %s", c.path, got, c.want, body)
		}
	}
	at := []string{"load", "view", "--room", "demo", "--seconds", "1", "--url", strings.Replace(p.base, "http", "ws", 1) + "/ws"}
	if stdout, stderr, code := command(t, []string{"AZULEJO_TOKEN=" + view}, at...); code != 0 || !strings.Contains(stdout, "clients") {
		t.Errorf("with a token: exit code %d: %s", code, stderr)
	}
	for token, want := range map[string]string{"": "unauthorized", "garbage": "unauthorized", mint("--room", "garden"): "forbidden"} {
		if _, stderr, code := command(t, nil, append(at, "--token", token)...); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("with a bad token: exit code %d, %q; want %s", code, stderr, want)
		}
	}
}

// status reads a URL below the process's base.
func (p *process) status(path string) (int, string) {
	p.t.Helper()
	r, err := fetch.Get(p.base + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }() // it was read to its end
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if r.StatusCode == http.StatusInternalServerError {
		p.t.Error(fmt.Errorf("%s: %s", path, body))
	}
	return r.StatusCode, string(body)
}
