package codec

import (
	"context"
	"log/slog"
	"strings"

	"github.com/asticode/go-astiav"
)

// BridgeLog writes the warnings and errors of FFmpeg in the whole process to log, at debug level. The caller of a decoder
// reports a corrupt stream once; the lines of FFmpeg only add details. BridgeLog must be called at most once, before any
// other function of this package.
func BridgeLog(log *slog.Logger) {
	astiav.SetLogLevel(astiav.LogLevelWarning)
	astiav.SetLogCallback(func(c astiav.Classer, l astiav.LogLevel, _, msg string) {
		if l > astiav.LogLevelWarning || !log.Enabled(context.Background(), slog.LevelDebug) {
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
