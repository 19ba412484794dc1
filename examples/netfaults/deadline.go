package main

import "context"

// deadline is a context whose cancellation is its deadline's: it passes when its owner says so.
type deadline struct {
	context.Context
	done chan struct{}
}

// newDeadline returns a deadline below ctx, and what makes it pass. It passes with the end of
// ctx, too.
func newDeadline(ctx context.Context) (_ deadline, pass func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := deadline{ctx, make(chan struct{})} // with ctx's own channel, contexts below would ask ctx
	context.AfterFunc(ctx, func() { close(d.done) })
	return d, func() { cancel(context.DeadlineExceeded) }
}

// Done implements context.Context.
func (d deadline) Done() <-chan struct{} { return d.done }

// Err implements context.Context.
func (d deadline) Err() error {
	select {
	case <-d.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
