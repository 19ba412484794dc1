package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"

	"github.com/warmconn/warmconn/pool"
)

// incident is one of the five faults: the code that has it and what must be seen.
type incident struct {
	id, title string
	n, c      int // requests and workers, unless told otherwise
	handler   func() http.Handler
	path      func(i int) string // of request i; nil: /

	// client is the fault's client as the program built it. The variant
	// "after" is the same client with the kit's layers on it, nothing else.
	client     func(t *target, c int) *http.Client
	perRequest bool         // it builds one for each request
	options    pool.Options // of the kit's pool; the other layers have none

	// do is the fault's code around one request.
	do func(*http.Client, *http.Request) error
	// between is what a worker does between two requests, outside of their
	// latencies; nil: nothing.
	between   func(i int)
	keepsOpen bool // the fault keeps a connection open for each request
	// settled is what the kit promises to bring about by itself once the load
	// has ended; nil: nothing.
	settled func(*row, facts, *target) bool

	check func(*row) string
	story func(context.Context) (*story, error)
}

func incidents() []*incident {
	return []*incident{
		{
			id: "I1", title: "bodies closed unread", n: 1500, c: 10,
			handler: bodies, path: mixedPath,
			// As many idle connections as workers, or I3 would be in this row too.
			client: func(t *target, c int) *http.Client {
				tr := t.transport()
				tr.MaxIdleConnsPerHost = c
				return &http.Client{Transport: tr}
			},
			do: closedUnread, check: checkClosedUnread, story: storyClosedUnread,
		},
		{
			id: "I2", title: "bodies never closed", n: 300, c: 1,
			handler: small, client: plainClient, between: collectNowAndThen, keepsOpen: true,
			do: neverClosed, check: checkNeverClosed, story: storyNeverClosed,
			settled: func(r *row, f facts, _ *target) bool { return f.leaks() >= r.Requests && f.inUse == 0 },
		},
		{
			id: "I3", title: "an idle pool of two", n: 2000, c: 50,
			handler: busy, client: plainClient, between: useTheAnswer,
			do: readAndClosed, check: checkIdlePool, story: storyIdlePool,
		},
		{
			id: "I4", title: "a transport per request", n: 500, c: 4,
			handler: small, client: plainClient, perRequest: true, keepsOpen: true,
			do: readAndClosed, check: checkDroppedClients, story: storyDroppedClients,
			settled: func(_ *row, _ facts, t *target) bool { return t.open() == 0 },
		},
		{
			id: "I5", title: "keep-alive switched off", n: 300, c: 4,
			handler: small,
			client: func(t *target, _ int) *http.Client {
				tr := t.transport()
				tr.DisableKeepAlives = true
				return &http.Client{Transport: tr}
			},
			do: readAndClosed, check: checkKeepAliveOff, story: storyKeepAliveOff,
		},
	}
}

func plainClient(t *target, _ int) *http.Client { return &http.Client{Transport: t.transport()} }

// collectNowAndThen is the garbage collector of a program that allocates more
// than this one.
func collectNowAndThen(i int) {
	if (i+1)%20 == 0 {
		runtime.GC()
	}
}

// useTheAnswer takes a caller's own 0, 1 or 2 ms, so that the number of
// requests in flight varies. If every connection that came back had somebody
// waiting for it, none would be idle and the size of the idle pool no matter.
func useTheAnswer(i int) { time.Sleep(time.Duration(i%3) * time.Millisecond) }

// closedUnread is I1: the status is all that this code wants.
func closedUnread(c *http.Client, req *http.Request) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return wantOK(resp)
}

// neverClosed is I2: the loop goes on before it reaches Close.
func neverClosed(c *http.Client, req *http.Request) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	return wantOK(resp)
}

// readAndClosed does what the documentation asks for.
func readAndClosed(c *http.Client, req *http.Request) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	return wantOK(resp)
}

func wantOK(resp *http.Response) error {
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", resp.Request.Method, resp.Request.URL.Redacted(), resp.Status)
	}
	return nil
}
