package main

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"
)

// caller is a part of the program that makes requests, well or badly.
type caller struct {
	name    string
	host    string
	workers int
	pause   time.Duration // between two calls of a worker
	call    func(ctx context.Context, s *station)
	fires   string // the alert; empty: none
}

// good callers fire no alert: the kit mends their faults, or there are few.
var good = []caller{
	{name: "reads and closes", host: catalog, workers: 4, pause: 20 * time.Millisecond, call: func(ctx context.Context, s *station) {
		get(ctx, s, "http://"+catalog, read)
	}},
	{name: "closes unread, which drain mends", host: catalog, workers: 2, pause: 50 * time.Millisecond, call: func(ctx context.Context, s *station) {
		get(ctx, s, "http://"+catalog, closeUnread)
	}},
	{name: "closes unread what never ends", host: catalog, workers: 1, pause: 500 * time.Millisecond, call: func(ctx context.Context, s *station) {
		get(ctx, s, "http://"+catalog+"/endless", closeUnread)
	}},
}

// bad ones fire an alert each, but for one: of that the kit learns.
var bad = []caller{
	{name: "talks to a server that says close", host: legacy, workers: 1, pause: 30 * time.Millisecond, fires: "WarmconnReuseCollapsed", call: func(ctx context.Context, s *station) {
		get(ctx, s, "http://"+legacy, read)
	}},
	{name: "drops bodies", host: reports, workers: 1, pause: 200 * time.Millisecond, fires: "WarmconnLeaks", call: func(ctx context.Context, s *station) {
		get(context.WithoutCancel(ctx), s, "http://"+reports, drop)
		runtime.GC() // a program that does more than this one has collections enough
	}},
	{name: "asks for more at once than its limit", host: search, workers: 4 * searchSlots, pause: time.Millisecond, fires: "WarmconnQueue", call: func(ctx context.Context, s *station) {
		get(ctx, s, "http://"+search, read)
	}},
	{name: "has its connections forgotten", host: far, workers: 1, pause: 500 * time.Millisecond, fires: "WarmconnDeadPaths", call: func(ctx context.Context, s *station) {
		if get(ctx, s, "http://"+far, read) != nil || s.sites.forget() != nil {
			return
		}
		for _, d := range []time.Duration{300 * time.Millisecond, 10 * time.Second} { // the first in vain
			in, cancel := context.WithTimeout(ctx, d)
			get(in, s, "http://"+far, read)
			cancel()
		}
	}},
	{name: "posts at a server's idle limit", host: orders, workers: 1, pause: ordersKeeps, fires: "WarmconnServerIdleLimit", call: func(ctx context.Context, s *station) {
		// net/http can't send such a body twice.
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+orders, io.NopCloser(strings.NewReader("one")))
		if err == nil {
			do(s, req, read)
		}
	}},
	{name: "asks more rarely than a server keeps connections", host: stock, workers: 1, pause: 2 * stockKeeps, call: func(ctx context.Context, s *station) {
		get(ctx, s, "http://"+stock, read)
	}},
}

var callers = append(good[:len(good):len(good)], bad...)

func get(ctx context.Context, s *station, url string, with func(io.ReadCloser)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return do(s, req, with)
}

func do(s *station, req *http.Request, with func(io.ReadCloser)) error {
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	with(resp.Body)
	return nil
}

func read(body io.ReadCloser) {
	io.Copy(io.Discard, body)
	body.Close()
}

func closeUnread(body io.ReadCloser) { body.Close() }

func drop(io.ReadCloser) {}

// load is callers at work.
type load struct {
	stop    context.CancelFunc
	workers sync.WaitGroup
}

func begin(ctx context.Context, s *station, all []caller) *load {
	l := new(load)
	ctx, l.stop = context.WithCancel(ctx)
	for _, c := range all {
		for range c.workers {
			l.workers.Go(func() {
				for ctx.Err() == nil {
					// A call that has begun comes to its own end: the figures do not depend on when the load is ended.
					c.call(context.WithoutCancel(ctx), s)
					select {
					case <-time.After(c.pause):
					case <-ctx.Done():
					}
				}
			})
		}
	}
	return l
}

// end returns when all callers have.
func (l *load) end() {
	l.stop()
	l.workers.Wait()
}
