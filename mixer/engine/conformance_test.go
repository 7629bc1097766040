package engine_test

import (
	"testing"

	"azulejo/mixer/mixertest"
)

func TestConformance(t *testing.T) { mixertest.Conformance(t, mixertest.Start) }

// TestConformanceByValue has only values cross between the hub and the engine.
func TestConformanceByValue(t *testing.T) {
	mixertest.Conformance(t, mixertest.Copying(mixertest.Start))
}
