package codec

import (
	"context"
	"log/slog"
	"strings"

	"github.com/asticode/go-astiav"
)

// BridgeLog writes FFmpeg's warnings and errors to log, at debug level, for the whole process. The level is debug because
// the caller of a decoder already reports a corrupt stream once, and FFmpeg's lines only add details. BridgeLog must be
// called at most once, before any other function of this package.
func BridgeLog(log *slog.Logger) {
	astiav.SetLogLevel(astiav.LogLevelWarning)
	astiav.SetLogCallback(func(c astiav.Classer, level astiav.LogLevel, _, msg string) {
		if level > astiav.LogLevelWarning || !log.Enabled(context.Background(), slog.LevelDebug) {
			return
		}
		log.Debug("ffmpeg", "text", strings.TrimSpace(msg), "from", origin(c))
	})
}

// origin returns the name of the FFmpeg component that logs, such as "h264"; empty if unknown.
func origin(c astiav.Classer) string {
	if c == nil || c.Class() == nil {
		return ""
	}
	return c.Class().ItemName()
}
