package faultlog

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer/logtest"
)

// newTestLog returns a log of "odd packets" with a quiet of 10 s, and what it wrote.
func newTestLog() (*Log, *logtest.Log) {
	w := &logtest.Log{}
	return New(slog.New(slog.NewTextHandler(w, nil)), "odd packets", 10*time.Second), w
}

func lines(w *logtest.Log) int { return strings.Count(w.String(), "\n") }

// TestOneLineWhenItBeginsAndOneWhenItIsOver: a thousand cases give two lines.
func TestOneLineWhenItBeginsAndOneWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, text := newTestLog()
		for range 1000 {
			l.Add(1, errors.New("odd"))
			time.Sleep(100 * time.Millisecond)
		}
		if lines(text) != 1 || !strings.Contains(text.String(), `kind="odd packets" error=odd`) {
			t.Errorf("while it lasts the log says %q", text)
		}
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if lines(text) != 1 {
			t.Errorf("before the trouble is over the log says %q", text)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if lines(text) != 2 || !strings.Contains(text.String(), "count=1000 lasted=1m39.9s") {
			t.Errorf("after the trouble the log says %q", text)
		}
		l.Add(3, errors.New("odd"))
		l.Close()
		if lines(text) != 4 || !strings.Contains(text.String(), "count=3") || l.Total() != 1003 {
			t.Errorf("after Close the log says %q, %d in total", text, l.Total())
		}
	})
}

// TestCloseWithoutTrouble writes nothing.
func TestCloseWithoutTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, text := newTestLog()
		l.Close()
		l.Close()
		time.Sleep(time.Minute)
		if text.String() != "" {
			t.Errorf("the log says %q", text)
		}
	})
}
