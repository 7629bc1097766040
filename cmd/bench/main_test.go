package main

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"azulejo/cmd/internal/cmdtest"
)

// program and serverProgram are the bench and the server as TestMain built them, beside each other.
var program, serverProgram string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "azulejo-bench-test-")
	if err == nil {
		program, err = cmdtest.Build(dir, "azulejo/cmd/bench")
	}
	if err == nil {
		serverProgram, err = cmdtest.Build(dir, "azulejo/cmd/azulejo")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir) // a temporary folder
		os.Exit(code)
	}))
}
