// Command bench measures what a server costs, in a process of its own. It holds the server against ffmpeg doing the
// same work, or against another build of the server. scripts/bench builds and runs it; nobody imports it.
package main

import (
	"os"

	"azulejo/cmd/internal/cli"
)

func main() {
	os.Exit(cli.Run("bench", "Measures a server against ffmpeg, or against another build of it.", &command{}, os.Args[1:]))
}
