package main

import (
	"os"
	"runtime/debug"
)

// gcPercent is how much garbage may lie around, of what is in use. Go's own 100 is for programs whose memory is Go's; ours
// is mostly pictures in C. With 40 a room of nine cameras, three rungs and guests who come and go took 241 MiB at
// most instead of 264, at no CPU that could be measured.
const gcPercent = 40

// keepMemorySmall has Go give memory back early, unless GOGC says otherwise.
func keepMemorySmall() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
