package codec

import (
	"context"
	"log/slog"
	"strings"

	"github.com/asticode/go-astiav"
)

// BridgeLog sends FFmpeg's warnings and errors, of the whole process, to log at debug level. The caller of a decoder
// reports a broken stream once; these lines only add details. Call BridgeLog once, before any other function of this
// package.
func BridgeLog(log *slog.Logger) {
	astiav.SetLogLevel(astiav.LogLevelWarning)
	astiav.SetLogCallback(func(c astiav.Classer, l astiav.LogLevel, _, msg string) {
		if l > astiav.LogLevelWarning || !log.Enabled(context.Background(), slog.LevelDebug) {
			return
		}
		log.Debug("ffmpeg", "text", strings.TrimSpace(msg), "from", origin(c))
	})
}

func origin(c astiav.Classer) string {
	if c == nil || c.Class() == nil {
		return ""
	}
	return c.Class().ItemName()
}
