// Package pionlog passes the log lines of pion's libraries to slog. It lowers their levels, because any host on the network
// can cause pion's warnings: error becomes info, and warning becomes debug. It is safe for concurrent use.
package pionlog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// Factory implements logging.LoggerFactory. Its loggers write to Log.
type Factory struct{ Log *slog.Logger }

// NewLogger returns a logger for one scope of pion, such as "ice". The log lines carry the scope.
func (f Factory) NewLogger(scope string) logging.LeveledLogger {
	return scoped{f.Log.With("scope", scope)}
}

// scoped is the logger of one scope. It implements logging.LeveledLogger.
type scoped struct{ log *slog.Logger }

// levelTrace is below slog.LevelDebug. It is for the lines that pion logs as trace and as debug.
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
