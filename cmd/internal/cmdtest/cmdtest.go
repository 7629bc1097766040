// Package cmdtest has functions that the tests of the programs below cmd share. The functions build a program and run tools of
// other projects, such as ffmpeg. Only tests import it.
package cmdtest

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Build builds the main package pkg into the folder dir and returns the path of the program.
func Build(dir, pkg string) (string, error) {
	program := filepath.Join(dir, filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", pkg, err, out)
	}
	return program, nil
}

// Tool runs the program called name with args and returns its standard output. The test ends with a failure if the program
// fails or writes to its standard error.
func Tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}
