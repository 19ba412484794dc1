package roundtripper_test

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// callCtx is a caller's context that counts the contexts which are still derived from it: one
// for each exchange that a layer has forgotten to release.
type callCtx struct {
	call   *call
	values context.Context
	done   chan struct{}

	mu    sync.Mutex
	err   error
	after map[*func()]struct{}
}

type callKey struct{}

func newCallCtx(c *call, values context.Context) *callCtx {
	return &callCtx{call: c, values: values, done: make(chan struct{}), after: make(map[*func()]struct{})}
}

func (c *callCtx) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *callCtx) Done() <-chan struct{}       { return c.done }

func (c *callCtx) Value(key any) any {
	if key == (callKey{}) {
		return c.call
	}
	return c.values.Value(key)
}

func (c *callCtx) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc is the method by which package context links a derived context to one of a type
// that it does not know.
func (c *callCtx) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	c.after[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, ok := c.after[&f]
		delete(c.after, &f)
		return ok
	}
}

func (c *callCtx) derived() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.after)
}

func (c *callCtx) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	close(c.done)
	for f := range c.after {
		go (*f)()
	}
	clear(c.after)
}

// upload is the body of a request. With a gate its Reads wait until that is opened, or the
// body closed.
type upload struct {
	rest   io.Reader
	gate   chan struct{} // nil: open
	closed chan struct{}
	closes atomic.Int32
}

func newUpload(rest io.Reader, gated bool) *upload {
	u := &upload{rest: rest, closed: make(chan struct{})}
	if gated {
		u.gate = make(chan struct{})
	}
	return u
}

func (u *upload) Read(p []byte) (int, error) {
	if u.gate != nil {
		select {
		case <-u.gate:
		case <-u.closed:
		}
	}
	if u.closes.Load() > 0 {
		return 0, io.ErrClosedPipe
	}
	return u.rest.Read(p)
}

func (u *upload) Close() error {
	if u.closes.Add(1) == 1 {
		close(u.closed)
	}
	return nil
}
