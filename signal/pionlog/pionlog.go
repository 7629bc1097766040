// Package pionlog passes the log lines of pion's libraries to slog, at a lower level: anybody on the network can cause
// what pion logs as a warning. It is safe for concurrent use.
package pionlog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// Factory makes the loggers of pion's libraries (logging.LoggerFactory).
type Factory struct{ Log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (f Factory) NewLogger(scope string) logging.LeveledLogger {
	return scoped{f.Log.With("scope", scope)}
}

type scoped struct{ log *slog.Logger }

const levelTrace = slog.LevelDebug - 4

func (s scoped) write(level slog.Level, format string, args ...any) {
	ctx := context.Background()
	if !s.log.Enabled(ctx, level) {
		return
	}
	s.log.Log(ctx, level, "pion said", "text", fmt.Sprintf(format, args...))
}

func (s scoped) Trace(msg string)                  { s.write(levelTrace, "%s", msg) }
func (s scoped) Tracef(format string, args ...any) { s.write(levelTrace, format, args...) }
func (s scoped) Debug(msg string)                  { s.write(levelTrace, "%s", msg) }
func (s scoped) Debugf(format string, args ...any) { s.write(levelTrace, format, args...) }
func (s scoped) Info(msg string)                   { s.write(slog.LevelDebug, "%s", msg) }
func (s scoped) Infof(format string, args ...any)  { s.write(slog.LevelDebug, format, args...) }
func (s scoped) Warn(msg string)                   { s.write(slog.LevelDebug, "%s", msg) }
func (s scoped) Warnf(format string, args ...any)  { s.write(slog.LevelDebug, format, args...) }
func (s scoped) Error(msg string)                  { s.write(slog.LevelInfo, "%s", msg) }
func (s scoped) Errorf(format string, args ...any) { s.write(slog.LevelInfo, format, args...) }
