package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// stage is one part of the server that starts and stops as a whole. run must run until its context ends.
type stage struct {
	name string
	run  func(context.Context) error
}

// runStages starts the stages in order. When ctx ends or a stage fails, runStages stops all stages in the opposite order. It
// waits for the end of each stage before it stops the next one, because media flows from the last stage to the first. A stage
// that returns before it is stopped has failed. runStages returns the errors of all stages.
func runStages(ctx context.Context, log *slog.Logger, stages []stage) error {
	type running struct {
		stage
		cancel context.CancelFunc
		done   chan error
	}
	ending, end := context.WithCancel(ctx)
	defer end()
	all := make([]running, len(stages))
	for i, s := range stages {
		stageCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		all[i] = running{s, cancel, make(chan error, 1)}
		go func() {
			err := s.run(stageCtx)
			if err == nil && stageCtx.Err() == nil {
				err = errors.New("ended by itself")
			}
			if err != nil {
				end()
			}
			all[i].done <- err
		}()
	}
	<-ending.Done()
	var errs []error
	for _, r := range slices.Backward(all) {
		r.cancel()
		if err := <-r.done; err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.name, err))
		}
		log.Debug("stage stopped", "stage", r.name)
	}
	return errors.Join(errs...)
}
