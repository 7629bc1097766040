package camera

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
)

// TestRedirection is followed, with the credentials.
func TestRedirection(t *testing.T) {
	t.Parallel()
	target := (&cameratest.Camera{Stream: film(t, mixer.H264), User: "gate", Password: "secret"}).Start(t)
	cam := (&cameratest.Camera{Answer: redirect(target.URL())}).Start(t)
	r := newTrial(t, Config{}, cam.LoginURL("gate", "secret"))
	if err := r.run(t, keyframeCame); err != nil || !keyframeCame(r) {
		t.Errorf("no picture: %v", err)
	}
}

// redirect returns a function that redirects DESCRIBE to location.
func redirect(location string) func(*cameratest.Session, *base.Request) *base.Response {
	return func(_ *cameratest.Session, req *base.Request) *base.Response {
		if req.Method == base.Describe {
			return &base.Response{StatusCode: 302, Header: base.Header{"Location": {location}}}
		}
		return nil
	}
}

// TestRedirectionToAnotherHost: it gets neither the camera's credentials nor those that the camera makes up.
func TestRedirectionToAnotherHost(t *testing.T) {
	t.Parallel()
	target := (&cameratest.Camera{Stream: film(t, mixer.H264), User: "gate", Password: "secret"}).Start(t)
	there := strings.Replace(target.LoginURL("gate", "secret"), "127.0.0.1", "localhost", 1)
	cam := (&cameratest.Camera{Answer: redirect(there)}).Start(t)
	for _, url := range []string{cam.LoginURL("gate", "secret"), cam.URL()} {
		err := newTrial(t, Config{Logins: NewLogins()}, url).run(t, keyframeCame)
		want := mixer.ReasonRefused
		if url == cam.URL() {
			want = mixer.ReasonWrongPassword
		}
		if failureOf(err).Reason != want || target.Logins() != 0 {
			t.Errorf("%s: %v, %d logins", url, err, target.Logins())
		}
	}
}

// TestRedirectionToAHostThatRefusesLater: a host that got no credentials says nothing about them.
func TestRedirectionToAHostThatRefusesLater(t *testing.T) {
	t.Parallel()
	target := (&cameratest.Camera{Stream: film(t, mixer.H264), Answer: answer(base.Setup, 401)}).Start(t)
	cam := &cameratest.Camera{User: "gate", Password: "secret", Answer: redirect(strings.Replace(target.URL(), "127.0.0.1", "localhost", 1))}
	cam.Start(t)
	logins := NewLogins()
	for n := range 4 {
		err := newTrial(t, Config{Logins: logins}, cam.LoginURL("gate", "secret")).run(t, keyframeCame)
		if failureOf(err).Reason != mixer.ReasonRefused || cam.Logins() != n+1 {
			t.Errorf("%v, %d logins", err, cam.Logins())
		}
	}
}

// TestRedirectionThatIsRefused: the logins at the target are counted, though the camera accepts every login.
func TestRedirectionThatIsRefused(t *testing.T) {
	t.Parallel()
	target := (&cameratest.Camera{User: "gate", Password: "other"}).Start(t)
	cam := (&cameratest.Camera{User: "gate", Password: "secret", Answer: redirect(target.URL())}).Start(t)
	logins := NewLogins()
	for range 5 {
		err := newTrial(t, Config{Logins: logins}, cam.LoginURL("gate", "secret")).run(t, keyframeCame)
		if failureOf(err).Reason != mixer.ReasonWrongPassword {
			t.Error(err)
		}
	}
	if target.Logins() != freeLogins || cam.Logins() != 5 {
		t.Errorf("%d logins at the target, want 2; %d at the camera, want 5", target.Logins(), cam.Logins())
	}
}

// TestRedirectionBack: a server that redirects whatever the password is has not accepted it, though the way leads over
// another port.
func TestRedirectionBack(t *testing.T) {
	t.Parallel()
	for name, detour := range map[string]bool{"at once": false, "over another port": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRedirectionBack(t, detour)
		})
	}
}

func testRedirectionBack(t *testing.T, detour bool) {
	t.Helper()
	var refused atomic.Int32
	other := &cameratest.Camera{User: "gate", Password: "secret"}
	cam := &cameratest.Camera{}
	cam.Answer = func(_ *cameratest.Session, req *base.Request) *base.Response {
		switch credentials := len(req.Header["Authorization"]) > 0; {
		case req.Method != base.Describe:
			return nil
		case credentials && strings.HasSuffix(req.URL.Path, "/live"):
			next := map[bool]*cameratest.Camera{false: cam, true: other}[detour]
			return &base.Response{StatusCode: 302, Header: base.Header{"Location": {next.URL() + "/1"}}}
		case credentials:
			refused.Add(1)
		}
		return &base.Response{StatusCode: 401, Header: base.Header{"WWW-Authenticate": {`Basic realm="cam"`}}}
	}
	cam.Start(t)
	other.Answer = redirect(cam.URL() + "/1")
	other.Start(t)
	logins := NewLogins()
	for range 5 {
		if err := newTrial(t, Config{Logins: logins}, cam.LoginURL("gate", "secret")).run(t, keyframeCame); err == nil {
			t.Error("it plays")
		}
	}
	if refused.Load() != freeLogins {
		t.Errorf("%d refused logins, want 2", refused.Load())
	}
}
