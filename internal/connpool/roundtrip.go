package connpool

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// RoundTrip sends the request over a connection of the Pool's, and once more over another
// one where net/http would. Ctx is the caller's. Req must be a copy: its context is
// replaced. OnConn, if not nil, takes the place of ctx's hooks for events on the connection.
func (e *Entry) RoundTrip(ctx context.Context, req *http.Request, onConn *httptrace.ClientTrace) (*http.Response, error) {
	hooks, cancel := httptrace.ContextClientTrace(ctx), legacyCancel(req)
	if t := cmp.Or(onConn, hooks); t != nil && t.PutIdleConn != nil {
		onConn = e.tellRefusal(t)
	}
	down := ctx
	if ctx.Done() != nil || onConn != nil || cancel != nil || e.pool.proxy != nil {
		down = &e.link
		e.link.Context, e.link.entry, e.link.trace = ctx, e, onConn
		if ctx.Done() == nil && cancel != nil {
			e.link.Context = endless{ctx, make(chan struct{})}
		}
	}
	var body *trackedBody
	if req.Body != nil {
		req.Body, body = track(req.Body)
	}
	*req = *req.WithContext(down)
	crowds, last := 0, never
	for try := 0; ; try++ {
		resp, again, err := e.try(ctx, hooks, req, body, try, last)
		if err == nil {
			return resp, nil
		}
		if again != never {
			// Net/http may still read the request of the last try, so it is never written over: rewind
			// makes another one where the body has to be.
			var next *http.Request
			next, body, err = rewind(req, body, err, again != atOnce)
			if err == nil {
				req = next
				if again == crowdedOut && crowds < crowdedMost {
					crowds++
					try-- // nothing was sent, so there is no server to spare by a pause
				}
				last = again
				continue
			}
		}
		closeBody(req, body)
		return nil, err
	}
}

// again is what net/http would do with a request after a try that has failed.
type again uint8

const (
	never      again = iota // return the error to the caller
	atOnce                  // over HTTP/1: send it once more
	paused                  // over HTTP/2: send it once more, after a pause
	crowdedOut              // the same, where its connection had no stream left
)

// closeBody closes the request's body, if net/http has not: a RoundTripper must close it on
// every path.
func closeBody(req *http.Request, body *trackedBody) {
	switch {
	case body != nil:
		body.held.Store(false)
		body.close()
	case req.Body != nil:
		req.Body.Close()
	}
}

// try sends req once, for the n-th time. Last is the outcome of the try before. That ctx has
// ended is found by the next try: then the error is the context's alone, and not that of the
// connection as well.
func (e *Entry) try(ctx context.Context, hooks *httptrace.ClientTrace, req *http.Request, body *trackedBody, n int, last again) (*http.Response, again, error) {
	cancel := legacyCancel(req)
	if err := pause(ctx, cancel, n, last); err != nil {
		return nil, never, err
	}
	by, err := e.pool.routeFor(e, req)
	if err != nil {
		return nil, never, err
	}
	if hooks != nil && hooks.GetConn != nil {
		hooks.GetConn(e.hopFor(by))
	}
	c, got, err := e.acquire(ctx, cancel, req, by)
	if err != nil && got.Limited > 0 {
		e.Owner.Acquired(Got{Limited: got.Limited})
	}
	switch {
	case err == errUnusable && n < h2Retries:
		return nil, paused, err
	case err != nil:
		return nil, never, err
	}
	e.lost = nil
	e.Owner.Acquired(got)
	if hooks != nil && hooks.GotConn != nil {
		hooks.GotConn(httptrace.GotConnInfo{Conn: c.held.Conn, Reused: got.NetReused, WasIdle: got.WasIdle, IdleTime: got.IdleTime})
	}
	if body != nil {
		body.held.Store(c.http2)
	}
	if c.http2 {
		e.link.linked.Store(true) // HTTP/2 derives nothing
	} else if c.raw != nil {
		c.writtenBefore = c.raw.written.Load()
	}
	before := c.soFar()
	resp, err := c.cc.RoundTrip(req)
	if err == nil {
		if body != nil && body.held.Swap(false) && body.wasAsked.Load() {
			body.close()
		}
		if c.http2 || c.raw == nil { // else its Read has noted all that there is
			c.answeredBy(e)
		}
		return resp, never, nil
	}
	more, err := e.failed(ctx, req, c, got, before, n, err)
	return nil, more, err
}

// pause waits before another try over HTTP/2. It returns an error if the request was
// canceled, or its context has ended.
func pause(ctx context.Context, cancel <-chan struct{}, n int, last again) error {
	if last == paused || last == crowdedOut {
		if d := backoff(n); d > 0 {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-t.C:
			case <-ctx.Done():
				return ctx.Err()
			case <-cancel:
			}
		}
	}
	select {
	case <-cancel:
		return errRequestCanceled
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// legacyCancel is Request.Cancel, which http.Client's Timeout closes.
func legacyCancel(req *http.Request) <-chan struct{} {
	return req.Cancel //lint:ignore SA1019 http.Client's Timeout closes it
}

// hopFor is the first hop's address, for GetConn.
func (e *Entry) hopFor(by routeKey) string {
	if by.via != nil {
		return ledger.AddrOf(by.via)
	}
	return cmp.Or(by.addr, e.host.addr)
}
