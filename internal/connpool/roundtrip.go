package connpool

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// Enter enters the exchange for the host of key. Known is what Host returned for
// that key before, if anything.
func (p *Pool) Enter(e *Entry, key ledger.Key, known *Host) {
	e.pool, e.id = p, p.uses.Add(1)
	if e.target = known; known == nil {
		e.target = p.host(key)
	}
	e.host = e.target
}

// RoundTrip sends the request over a connection of the Pool's, and again over
// another one where net/http would. Ctx is the caller's. The request's own context
// is replaced in req, which must be a copy. OnConn is used in the place of the hooks
// in ctx, if it is not nil, for what happens on the connection.
func (e *Entry) RoundTrip(ctx context.Context, req *http.Request, onConn *httptrace.ClientTrace) (*http.Response, error) {
	hooks := httptrace.ContextClientTrace(ctx)
	if told := e.tellRefusal(cmp.Or(onConn, hooks)); told != hooks {
		onConn = told
	}
	down := ctx
	if ctx.Done() != nil || onConn != nil || legacyCancel(req) != nil || e.pool.proxy != nil {
		down = &e.link
		e.link.Context, e.link.entry, e.link.trace = ctx, e, onConn
		if ctx.Done() == nil && legacyCancel(req) != nil {
			e.link.Context = endless{ctx, make(chan struct{})}
		}
	}
	var body *trackedBody
	req.Body, body = track(req.Body)
	*req = *req.WithContext(down)
	crowds := 0
	for try := 0; ; try++ {
		resp, again, err := e.try(ctx, hooks, req, body, try)
		if err == nil {
			return resp, nil
		}
		if again {
			var next *http.Request
			next, body, err = rewind(req, body, err, e.overHTTP2)
			if err == nil {
				if next != req {
					*req = *next
				}
				if e.crowded && crowds < crowdedMost {
					crowds++
					try-- // nothing was sent, and nobody is to be spared
				}
				e.crowded = false
				continue
			}
		}
		closeBody(req, body)
		return nil, err
	}
}

// closeBody closes the request's body, which a RoundTripper must on every path, if
// net/http has not.
func closeBody(req *http.Request, body *trackedBody) {
	switch {
	case body != nil:
		body.held.Store(false)
		body.close()
	case req.Body != nil:
		req.Body.Close()
	}
}

// try sends req once. Again says that net/http would send it once more; whether ctx has
// ended meanwhile is for the next try to find: then the error is the context's, and
// not that of the connection as well.
func (e *Entry) try(ctx context.Context, hooks *httptrace.ClientTrace, req *http.Request, body *trackedBody, n int) (resp *http.Response, again bool, err error) {
	if err := e.pause(ctx, legacyCancel(req), n); err != nil {
		return nil, false, err
	}
	by, err := e.pool.routeFor(e, req)
	if err != nil {
		return nil, false, err
	}
	if hooks != nil && hooks.GetConn != nil {
		hooks.GetConn(e.hopFor(by))
	}
	c, got, err := e.acquire(ctx, req, by)
	if err != nil && got.Limited > 0 {
		e.Owner.Acquired(Got{Limited: got.Limited})
	}
	if err == errUnusable {
		e.overHTTP2 = true
		return nil, n < h2Retries, err
	}
	if err != nil {
		return nil, false, err
	}
	e.overHTTP2, e.lost = c.http2, nil
	e.Owner.Acquired(got)
	if hooks != nil && hooks.GotConn != nil {
		hooks.GotConn(httptrace.GotConnInfo{Conn: c.held.Conn, Reused: got.NetReused, WasIdle: got.WasIdle, IdleTime: got.IdleTime})
	}
	if body != nil {
		body.held.Store(c.http2)
	}
	if !c.http2 {
		c.noteWritten()
	} else {
		e.link.linked.Store(true) // HTTP/2 derives nothing
	}
	before := c.soFar()
	resp, err = c.cc.RoundTrip(req)
	if err == nil {
		if body != nil && body.held.Swap(false) && body.wasAsked.Load() {
			body.close()
		}
		c.answeredBy(e)
		return resp, false, nil
	}
	if !c.http2 {
		e.link.finish()
		if got.WasIdle {
			c.crossed()
		}
		if again = c.retries(req, err, got.NetReused); again {
			e.stale(c)
		} else {
			e.unanswered(c, got, before, err)
		}
		switch {
		case again:
		case err == ctx.Err():
			err = context.Cause(ctx) // ClientConn does not say it where it finds the end first
		default:
			err = plainError(err)
		}
		return nil, again, err
	}
	if again = n < h2Retries && retriesStream(err); again {
		e.crowded = err.Error() == h2Unusable && c.cc.Err() == nil
		e.leaveStream(c, err)
	} else {
		e.unanswered(c, got, before, err)
		if refused(err) {
			err = plainError(err)
		}
	}
	return nil, again, err
}

// pause waits before another try over HTTP/2, and reports the end of the context.
func (e *Entry) pause(ctx context.Context, cancel <-chan struct{}, n int) error {
	if e.overHTTP2 {
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

// stale takes the exchange off a connection that turned out dead as it was used, or
// that went with the end of its request.
func (e *Entry) stale(c *Conn) {
	ended := e.Owner.Interrupted()
	now := time.Now()
	why, culprit := loss.ServerClosedIdle, loss.Culprit{}
	h := c.host
	h.mu.Lock()
	defer h.unlock()
	switch end := c.raw.ending(); {
	case end == byPeer && c.raw.sentAtEnd.Load() <= c.writtenBefore:
		// It ended before the request was sent, however long ago it was handed out.
	case ended != loss.None:
		why, culprit = ended, e.Owner.Culprit()
	case end == byOthers:
		why = loss.ConnError
	case now.Sub(c.givenAt) > max(staleMost, 4*c.dial.clock.took().Connect):
		// The server had it for longer than a way there and back: it died under
		// the request, and did not close an idle connection.
		why, culprit = loss.ConnError, e.Owner.Culprit()
	}
	c.streams = 0
	c.releasedLocked()
	if c.user == e.id && c.state == active {
		c.loseLocked(why, culprit, now)
	}
	e.conn, e.lost = nil, c.lost
}

// crowdedMost is how many tries a request may lose to connections that had no stream
// left for it, before a try is one that net/http's backoff counts.
const crowdedMost = 20

// staleMost is the least time that a server must have had a request for its loss
// not to be that of an idle connection.
const staleMost = 10 * time.Millisecond

// leaveStream takes the exchange off an HTTP/2 connection that did not take its
// request.
func (e *Entry) leaveStream(c *Conn, err error) {
	now := time.Now()
	h := c.host
	h.mu.Lock()
	defer h.unlock()
	e.conn = nil
	c.leaveLocked(e)
	c.noteCrowdedLocked()
	if err.Error() == h2GotGoAway && (c.state == active || c.state == idle) {
		// Else it might be given to the next try, and to the one after that.
		c.sawGoAway = true
		c.goAwayLocked(loss.GoAway, loss.Culprit{}, now)
	}
	c.lookLocked(now)
	if c.streams > 0 {
		return
	}
	switch {
	case c.state == goingAway:
		c.departLocked(now)
	case c.state == active && c.cc.Err() != nil:
		c.loseLocked(c.atRest(now), loss.Culprit{}, now)
	case c.state == active:
		c.restLocked(now)
	}
}

// noteWritten notes what was written before the request that now has c to itself.
func (c *Conn) noteWritten() {
	if c.raw != nil {
		c.writtenBefore = c.raw.written.Load()
	}
}

// hopFor is the first hop's address, for GetConn.
func (e *Entry) hopFor(by routeKey) string {
	if by.via != nil {
		return ledger.AddrOf(by.via)
	}
	return cmp.Or(by.addr, e.host.addr)
}
