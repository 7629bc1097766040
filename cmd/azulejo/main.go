// Command azulejo is the server, its demo and its tools. It reads the configuration, connects the other packages, and
// starts and stops them in the right order. No package imports it.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"azulejo/cmd/internal/cli"
)

// version is the version of this program. The build sets it.
var version = "unknown"

// environment has the environment variables, each as KEY=VALUE. By this type, cli.Run finds the value for the parameter env of
// a command's Run method.
type environment []string

// program has the flags and commands of azulejo.
type program struct {
	cli.Options

	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Demo    demoCmd    `cmd:"" help:"Run the server with a room of synthetic cameras."`
	Check   checkCmd   `cmd:"" help:"Check the configuration, and with --connect the cameras and the store, and say what is wrong."`
	Token   tokenCmd   `cmd:"" help:"Print a token for a room, signed with auth.secret."`
	Load    loadCmd    `cmd:"" help:"Publish to a server, view from it."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() { os.Exit(run(os.Args[1:])) }

// run runs the command that args name and returns the exit code, see [cli.Run].
func run(args []string) int {
	return cli.Run("azulejo", "Many cameras and people in, one picture out.", &program{}, args, environment(os.Environ()))
}

// serveCmd runs the server.
type serveCmd struct {
	Config string   `short:"c" help:"Configuration file (YAML)." placeholder:"FILE"`
	Listen string   `help:"Address of the HTTP server."`
	Data   string   `help:"Folder for spool and footage."`
	Set    []string `help:"Any other key, as mix.width=640." placeholder:"KEY=VALUE" sep:"none"`
}

func (s *serveCmd) Run(ctx context.Context, log *slog.Logger, env environment) error {
	l, err := s.read(env)
	if err != nil {
		return cli.Usage(err)
	}
	l.check(l.cfg.checkFiles())
	if err = l.err(); err != nil {
		return cli.Usage(err)
	}
	srv, err := newServer(l.cfg, log)
	if err != nil {
		return err
	}
	return srv.Run(ctx)
}

// read reads the configuration from the file, the environment and the flags.
func (s *serveCmd) read(env environment) (*loader, error) {
	flags := overrides("listen", s.Listen, "data", s.Data)
	for _, pair := range s.Set {
		o, err := parseOverride(pair)
		if err != nil {
			return nil, err
		}
		flags = append(flags, o)
	}
	return readConfig(s.Config, env, flags), nil
}

// versionCmd prints the version of this program and of Go.
type versionCmd struct{}

func (versionCmd) Run() error {
	fmt.Println("azulejo", version)
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Println("built with", info.GoVersion)
	}
	return nil
}
