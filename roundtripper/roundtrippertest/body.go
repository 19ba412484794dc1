package roundtrippertest

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// Body is a body that counts its calls, for a request or a response.
// The zero value is an empty one. The exported fields must not be changed once
// it is in use; its methods are safe for concurrent use.
type Body struct {
	// Text can be read before the body ends, fails or hangs.
	Text string
	// Until, if not nil, makes Read hang after Text: until it is closed, or
	// Close is called.
	Until <-chan struct{}
	// Err is the error of a Read after Text. Nil means io.EOF.
	Err error
	// CloseErr is the error of Close.
	CloseErr error

	mu      sync.Mutex
	read    int           // bytes of Text
	hanging chan struct{} // closed to end the Reads that hang, nil if there are none
	reads   int
	closes  int
}

// Read implements io.Reader. After Close it returns http.ErrBodyReadAfterClose,
// as net/http's bodies do.
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	b.reads++
	switch {
	case b.closes > 0:
		b.mu.Unlock()
		return 0, http.ErrBodyReadAfterClose
	case b.read < len(b.Text):
		n := copy(p, b.Text[b.read:])
		b.read += n
		b.mu.Unlock()
		return n, nil
	}
	if b.hanging == nil {
		b.hanging = make(chan struct{})
	}
	hanging := b.hanging
	b.mu.Unlock()
	if b.Until != nil {
		select {
		case <-b.Until:
		case <-hanging:
			return 0, http.ErrBodyReadAfterClose
		}
	}
	if b.Err != nil {
		return 0, b.Err
	}
	return 0, io.EOF
}

// Close implements io.Closer. It ends a Read that hangs.
func (b *Body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closes++
	b.wake()
	return b.CloseErr
}

// interrupt ends a Read that hangs.
func (b *Body) interrupt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wake()
}

// wake is called with b.mu held.
func (b *Body) wake() {
	if b.hanging != nil {
		close(b.hanging)
		b.hanging = nil
	}
}

// Reads returns how often Read was called.
func (b *Body) Reads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reads
}

// Closes returns how often Close was called.
func (b *Body) Closes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closes
}

// bound is a body that fails when its request's context is done, as net/http's
// do.
type bound struct {
	*Body
	req *http.Request
}

func (b *bound) Read(p []byte) (int, error) {
	ctx := b.req.Context()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	defer context.AfterFunc(ctx, b.Body.interrupt)()
	n, err := b.Body.Read(p)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return n, err
}
