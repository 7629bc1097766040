// Package pionlog gives the log lines of pion's libraries to slog, one level lower than pion thinks: what a
// stranger on the network can cause is not a warning of ours. It is safe for concurrent use.
package pionlog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// Factory makes loggers for the parts of pion.
type Factory struct{ Log *slog.Logger }

// NewLogger is what pion calls.
func (f Factory) NewLogger(scope string) logging.LeveledLogger {
	return scoped{f.Log.With("scope", scope)}
}

type scoped struct{ log *slog.Logger }

const levelTrace = slog.LevelDebug - 4

func (s scoped) put(level slog.Level, format string, args ...any) {
	ctx := context.Background()
	if !s.log.Enabled(ctx, level) {
		return
	}
	s.log.Log(ctx, level, "pion said", "text", fmt.Sprintf(format, args...))
}

func (s scoped) Trace(msg string)                  { s.put(levelTrace, "%s", msg) }
func (s scoped) Tracef(format string, args ...any) { s.put(levelTrace, format, args...) }
func (s scoped) Debug(msg string)                  { s.put(levelTrace, "%s", msg) }
func (s scoped) Debugf(format string, args ...any) { s.put(levelTrace, format, args...) }
func (s scoped) Info(msg string)                   { s.put(slog.LevelDebug, "%s", msg) }
func (s scoped) Infof(format string, args ...any)  { s.put(slog.LevelDebug, format, args...) }
func (s scoped) Warn(msg string)                   { s.put(slog.LevelDebug, "%s", msg) }
func (s scoped) Warnf(format string, args ...any)  { s.put(slog.LevelDebug, format, args...) }
func (s scoped) Error(msg string)                  { s.put(slog.LevelInfo, "%s", msg) }
func (s scoped) Errorf(format string, args ...any) { s.put(slog.LevelInfo, format, args...) }
