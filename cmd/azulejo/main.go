// Command azulejo is the server, its demo and its tools. It reads the configuration, joins the packages
// and decides in which order they start and stop; nobody imports it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the build.
var version = "unknown"

// environment is os.Environ's form.
type environment []string

// usageError is an error of whoever started azulejo: bad flags or configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

type cli struct {
	Verbose bool `short:"v" help:"Log debug messages too."`

	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Demo    demoCmd    `cmd:"" help:"Run the server with a room of synthetic cameras."`
	Check   checkCmd   `cmd:"" help:"Check the configuration and say what is wrong with it."`
	Token   tokenCmd   `cmd:"" help:"Print a token for a room, signed with auth.secret."`
	Load    loadCmd    `cmd:"" help:"Publish to a server, view from it, measure it."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit code: 0 done, 1 broken, 2 used wrongly.
func run(args []string) int {
	var c cli
	parser := kong.Must(&c, kong.Name("azulejo"), kong.UsageOnError(),
		kong.Description("Many cameras and people in, one picture out."))
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "azulejo:", err)
		return 2
	}
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(log, environment(os.Environ())); err != nil {
		fmt.Fprintln(os.Stderr, "azulejo:", err)
		if errors.As(err, &usageError{}) {
			return 2
		}
		return 1
	}
	return 0
}

// serveCmd runs the server.
type serveCmd struct {
	Config string   `short:"c" help:"Configuration file (YAML)." placeholder:"FILE"`
	Listen string   `help:"Address of the HTTP server."`
	Data   string   `help:"Folder for spool and footage."`
	Set    []string `help:"Any other key, as mix.width=640." placeholder:"KEY=VALUE" sep:"none"`
}

func (s *serveCmd) Run(ctx context.Context, log *slog.Logger, env environment) error {
	cfg, err := s.load(env)
	if err != nil {
		return usageError{err}
	}
	srv, err := newServer(cfg, log)
	if err != nil {
		return err
	}
	return srv.run(ctx)
}

func (s *serveCmd) load(env environment) (Config, error) {
	flags := overrides("listen", s.Listen, "data", s.Data)
	for _, pair := range s.Set {
		o, err := parseOverride(pair)
		if err != nil {
			return Config{}, err
		}
		flags = append(flags, o)
	}
	return loadConfig(s.Config, env, flags)
}

// checkCmd loads the configuration as serve would.
type checkCmd struct {
	serveCmd `embed:""`
}

func (c *checkCmd) Run(env environment) error {
	if _, err := c.load(env); err != nil {
		return usageError{err}
	}
	fmt.Println("the configuration is good")
	return nil
}

type versionCmd struct{}

func (versionCmd) Run() error {
	fmt.Println("azulejo", version)
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Println("built with", info.GoVersion)
	}
	return nil
}
