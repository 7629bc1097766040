package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// stage is one living part of the server.
type stage struct {
	name string
	run  func(context.Context) error
}

// live starts the stages in order and, once ctx ends or one of them breaks, stops them in the opposite
// order, each only when the one after it is gone: along the media, from where it comes in to where it is
// kept. It returns what broke.
func live(ctx context.Context, log *slog.Logger, stages []stage) error {
	type running struct {
		stage
		cancel context.CancelFunc
		done   chan error
	}
	broken, brk := context.WithCancelCause(ctx)
	defer brk(nil)
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
				brk(fmt.Errorf("%s: %w", s.name, err))
			}
			all[i].done <- err
		}()
	}
	<-broken.Done()
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
