// Package cli runs the command line of a program: flags, log, signals and exit codes are the same in all programs
// below cmd. It has no state.
package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Options are the flags that every program has. The struct of a program's flags embeds them.
type Options struct {
	Verbose bool `short:"v" help:"Log debug messages too."`
}

// level is the lowest level that is logged.
func (o *Options) level() slog.Level {
	if o.Verbose {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// Program is a pointer to a struct with kong's tags that embeds [Options].
type Program interface{ level() slog.Level }

// usageError is a mistake in flags or configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks err as a mistake of the caller in flags or configuration: the exit code is 2 then.
func Usage(err error) error { return usageError{err} }

// Run parses args into p and runs the command that they name. The command gets a context that ends with an interrupt
// or SIGTERM, a log on standard error, and the bindings. Run returns the exit code: 0 for success, 1 for a failure, 2
// for a mistake in flags or configuration.
func Run(name, description string, p Program, args []string, bindings ...any) int {
	parser := kong.Must(p, kong.Name(name), kong.UsageOnError(), kong.Description(description))
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 2
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: p.level()}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(append(bindings, log)...); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		if errors.As(err, &usageError{}) {
			return 2
		}
		return 1
	}
	return 0
}
