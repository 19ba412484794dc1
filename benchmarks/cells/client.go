package main

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// client is one stack's in one setting: its connections are nobody else's, and
// as many as its workers need.
type client struct {
	*http.Client
	stack   stack
	base    *http.Transport
	server  *server
	workers int
	warm    bool
}

func newClient(s stack, srv *server, workers int) *client {
	base := srv.transport(workers)
	return &client{Client: s.client(base), stack: s, base: base, server: srv, workers: workers}
}

// send has the workers send n requests of c's kind, and returns when all have
// been answered.
func (cl *client) send(c cell, n int) error {
	err := cl.sendAll(c, n)
	if err != nil {
		err = fmt.Errorf("%s, %s: %w", cl.stack.name, c, err)
	}
	return err
}

func (cl *client) sendAll(c cell, n int) error {
	if cl.workers == 1 { // a goroutine would be an allocation
		for range n {
			if err := c.send(cl.Client, cl.server.URL); err != nil {
				return err
			}
		}
		return nil
	}
	var (
		left   atomic.Int64
		failed atomic.Pointer[error]
		wg     sync.WaitGroup
	)
	left.Store(int64(n))
	for range cl.workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 && failed.Load() == nil {
				if err := c.send(cl.Client, cl.server.URL); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// ready has each worker's connection open, and the first time sends warmup
// requests: pool takes the stack of each of a client's first.
func (cl *client) ready(c cell, warmup int) error {
	n := 8 * cl.workers
	if !cl.warm {
		n = max(n, warmup)
		cl.warm = true
	}
	// Until one has been answered nobody knows that HTTP/2 needs one connection only.
	if err := cl.send(c, 1); err != nil {
		return err
	}
	return cl.send(c, n)
}

// rest closes the connections. Idle ones of all settings would make the heap so
// large that the collector does not run within a sample.
func (cl *client) rest() {
	cl.Client.CloseIdleConnections()
	cl.base.CloseIdleConnections() // otelhttp does not hand it on
}

// sample is what n requests took.
type sample struct {
	n         int
	wall, cpu time.Duration
	opened    int64 // connections that the server saw
}

// time takes a sample, after some requests that do not count: the pool may have
// closed idle connections meanwhile.
func (cl *client) time(c cell, n int) (sample, error) {
	if err := cl.send(c, max(n/8, 2*cl.workers)); err != nil {
		return sample{}, err
	}
	opened, cpu, began := cl.server.opened.Load(), cpuTime(), time.Now()
	err := cl.send(c, n)
	return sample{n, time.Since(began), cpuTime() - cpu, cl.server.opened.Load() - opened}, err
}

// allocations counts those of n requests, client and server, and divides. One
// worker's are counted on one processor, so that net/http's own pools, which are
// the processors', are full and the number is exact.
func (cl *client) allocations(c cell, n int) (float64, error) {
	if cl.workers == 1 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if err := cl.send(c, max(50, 2*cl.workers)); err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := cl.send(c, n)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n), err
}
