// Command bench measures how much CPU time and memory a server needs. The server runs in a process of its own. bench compares
// the server with ffmpeg, which does the same work, or with another build of the server. Names and reports call ffmpeg the
// peer. The measured scene is mostly the wall, a grid of cameras. scripts/bench builds and runs this command; no package
// imports it.
package main

import (
	"os"

	"azulejo/cmd/internal/cli"
)

func main() {
	os.Exit(cli.Run("bench", "Measures a server against ffmpeg, or against another build of it.", &command{}, os.Args[1:]))
}
