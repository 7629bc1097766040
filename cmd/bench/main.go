// Command bench measures how much CPU time and memory a server needs. The server runs in a process of its own. bench
// compares it with ffmpeg doing the same work, which is called the peer, or with another build of the server. The measured
// scene is mostly the wall, a grid of cameras. scripts/bench builds and runs this command; no package imports it.
package main

import (
	"os"

	"azulejo/cmd/internal/cli"
)

func main() {
	os.Exit(cli.Run("bench", "Measures a server against ffmpeg, or against another build of it.", &command{}, os.Args[1:]))
}
