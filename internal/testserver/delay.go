package testserver

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// delayedPipe is a net.Pipe whose bytes, and whose end, take a time to come. Unlike a
// pipe's, its Write does not wait for a Read.
func delayedPipe(delay time.Duration) (client, server net.Conn) {
	a, b := &way{delay: delay, changed: make(chan struct{})}, &way{delay: delay, changed: make(chan struct{})}
	return &delayedConn{in: a, out: b}, &delayedConn{in: b, out: a}
}

// way is one direction of a delayedPipe.
type way struct {
	delay time.Duration

	mu       sync.Mutex
	parts    []part
	broken   bool      // its reader is gone
	deadline time.Time // of the reader
	changed  chan struct{}
}

// part is what one Write has sent; its end, if it is empty.
type part struct {
	at time.Time
	p  []byte
}

func (w *way) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *way) read(p []byte) (int, error) {
	for {
		w.mu.Lock()
		now := time.Now()
		wait := time.Hour
		switch {
		case w.broken:
			w.mu.Unlock()
			return 0, net.ErrClosed
		case !w.deadline.IsZero() && !w.deadline.After(now):
			w.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(w.parts) > 0 && !w.parts[0].at.After(now):
			defer w.mu.Unlock()
			first := &w.parts[0]
			if len(first.p) == 0 {
				return 0, io.EOF
			}
			n := copy(p, first.p)
			if first.p = first.p[n:]; len(first.p) == 0 {
				w.parts = w.parts[1:]
			}
			return n, nil
		case len(w.parts) > 0:
			wait = w.parts[0].at.Sub(now)
		}
		if !w.deadline.IsZero() {
			wait = min(wait, w.deadline.Sub(now))
		}
		changed := w.changed
		w.mu.Unlock()
		t := time.NewTimer(wait)
		select {
		case <-changed:
		case <-t.C:
		}
		t.Stop()
	}
}

// delayedConn is one end of a delayedPipe.
type delayedConn struct{ in, out *way }

func (c *delayedConn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *delayedConn) Write(p []byte) (n int, err error) {
	c.out.change(func() {
		if c.out.broken || len(c.out.parts) > 0 && len(c.out.parts[len(c.out.parts)-1].p) == 0 {
			err = io.ErrClosedPipe
			return
		}
		if len(p) > 0 {
			c.out.parts = append(c.out.parts, part{time.Now().Add(c.out.delay), append([]byte(nil), p...)})
		}
		n = len(p)
	})
	return n, err
}

func (c *delayedConn) Close() error {
	c.out.change(func() {
		if n := len(c.out.parts); n == 0 || len(c.out.parts[n-1].p) > 0 {
			c.out.parts = append(c.out.parts, part{at: time.Now().Add(c.out.delay)})
		}
	})
	c.in.change(func() { c.in.broken = true })
	return nil
}

func (c *delayedConn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.deadline = t })
	return nil
}

func (c *delayedConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *delayedConn) SetWriteDeadline(time.Time) error { return nil }
func (c *delayedConn) LocalAddr() net.Addr              { return (*memory)(nil).Addr() }
func (c *delayedConn) RemoteAddr() net.Addr             { return (*memory)(nil).Addr() }
