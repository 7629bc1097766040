package await

import (
	"os"
	"testing"
	"time"
)

// Long returns how long an endurance test lasts: long in a run of scripts/test --long, which sets AZULEJO_LONG, otherwise
// short.
func Long(t testing.TB, short, long time.Duration) time.Duration {
	t.Helper()
	d := short
	if os.Getenv("AZULEJO_LONG") != "" {
		d = long
	}
	t.Logf("lasts %v (%v by default, %v with --long)", d, short, long)
	return d
}
