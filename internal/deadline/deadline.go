// Package deadline has a context whose deadline passes when a test says so, however busy the
// machine is.
package deadline

import (
	"context"
	"sync"
)

// Context is that context.
type Context struct {
	context.Context
	done chan struct{} // with the parent's own channel, contexts below would ask the parent
}

// Below returns a Context below ctx, and what makes its deadline pass. With the end of ctx it
// passes, too.
func Below(ctx context.Context) (_ Context, pass func()) {
	d := Context{ctx, make(chan struct{})}
	pass = sync.OnceFunc(func() { close(d.done) })
	context.AfterFunc(ctx, pass)
	return d, pass
}

// Done implements context.Context.
func (d Context) Done() <-chan struct{} { return d.done }

// Err implements context.Context: it is DeadlineExceeded once the deadline has passed.
func (d Context) Err() error {
	select {
	case <-d.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
