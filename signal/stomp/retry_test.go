package stomp

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"azulejo/signal/signaltest/await"
)

// TestBusyIsTriedAgain: the client receives nothing of a failed attempt twice, and gets the busy frame if no attempt
// succeeds.
func TestBusyIsTriedAgain(t *testing.T) {
	const busy, prelude = `c[2010,"Another connection still open"]`, "hhhh\n"
	for _, shape := range []string{"%s\n", "data: %s\r\n\r\n", "<script>\np(%s);\n</script>\r\n"} {
		write := func(w io.Writer, frame string) {
			if shape[0] == '<' {
				frame = asJSON(frame)
			}
			_, _ = fmt.Fprintf(w, shape, frame)
		}
		for _, failures := range []int{0, 1, 3, 1000} {
			attempts := 0
			next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusOK)
				_, _ = io.WriteString(w, prelude)
				if attempts++; attempts <= failures {
					write(w, busy)
					return
				}
				write(w, `a["c[2010,"]`)
			})
			got, want := httptest.NewRecorder(), httptest.NewRecorder()
			newBounds(await.Patience).serve(next, got, httptest.NewRequest(http.MethodPost, "/", nil))
			_, _ = io.WriteString(want, prelude)
			if failures < 1000 {
				write(want, `a["c[2010,"]`)
			} else {
				write(want, busy)
			}
			if got.Body.String() != want.Body.String() {
				t.Errorf("after %d failures: %q; want %q", failures, got.Body, want.Body)
			}
		}
	}
}
