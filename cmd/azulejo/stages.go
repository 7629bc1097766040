package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// stage is one running part of the server.
type stage struct {
	name string
	run  func(context.Context) error
}

// runStages starts the stages in order. When ctx ends or a stage fails, it stops them in the opposite order and waits for
// each before it stops the next: media comes in at the last stage and is stored by the first. It returns the errors of all
// stages; a stage that returns before it is stopped has failed.
func runStages(ctx context.Context, log *slog.Logger, stages []stage) error {
	type running struct {
		stage
		cancel context.CancelFunc
		done   chan error
	}
	ended, end := context.WithCancel(ctx)
	defer end()
	all := make([]running, len(stages))
	for i, s := range stages {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		all[i] = running{s, cancel, make(chan error, 1)}
		go func() {
			err := s.run(own)
			if err == nil && own.Err() == nil {
				err = errors.New("ended by itself")
			}
			if err != nil {
				end()
			}
			all[i].done <- err
		}()
	}
	<-ended.Done()
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
