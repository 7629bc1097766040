// Package cli runs the command line of a program, so that common flags, the log, signals and exit codes are the same in all
// programs below cmd. It has no state.
package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Options has the flags that all programs share. The struct with the flags of a program must embed Options.
type Options struct {
	Verbose bool `short:"v" help:"Log debug messages too."`
}

// level returns the lowest level of messages that are logged.
func (o *Options) level() slog.Level {
	if o.Verbose {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// Program is a pointer to a struct that embeds [Options] and whose fields have kong's tags.
type Program interface{ level() slog.Level }

// usageError is an error about a mistake in flags or configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks err as a mistake of the user in flags or configuration. If a command returns such an error, Run returns 2.
func Usage(err error) error { return usageError{err} }

// Run parses args into p and runs the command in args. It returns the exit code: 0 for success, 1 for a failure, 2 for
// a mistake in flags or configuration.
//
// The command has a Run method. This method may have parameters of three kinds, in any order. A context.Context ends at an
// interrupt or SIGTERM. A *slog.Logger writes to standard error. Any other parameter gets the value in bindings that has its
// type.
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
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintf(os.Stderr, "%s: %s\n", name, line)
		}
		if errors.As(err, &usageError{}) {
			return 2
		}
		return 1
	}
	return 0
}
