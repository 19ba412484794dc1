package connpool

import (
	"context"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// failed takes the exchange off c, where its n-th try has failed with err. It returns whether
// the request is sent once more, and the caller's error where it is not.
func (e *Entry) failed(ctx context.Context, req *http.Request, c *Conn, got Got, before soFar, n int, err error) (again, error) {
	switch {
	case !c.http2:
		e.link.finish()
		if got.WasIdle {
			c.crossed()
		}
		if c.retries(req, err, got.NetReused) {
			e.stale(c)
			return atOnce, err
		}
		e.unanswered(c, got, before, err)
		if err == ctx.Err() {
			return never, context.Cause(ctx) // a ClientConn that finds the end by itself does not return the cause
		}
		return never, plainError(err)
	case n < h2Retries && retriesStream(err):
		more := paused
		if err.Error() == h2Unusable && c.cc.Err() == nil {
			more = crowdedOut
		}
		e.leaveStream(c, err)
		return more, err
	}
	e.unanswered(c, got, before, err)
	if refused(err) {
		err = plainError(err)
	}
	return never, err
}

// stale takes the exchange off a connection that turned out dead when it was used, or that
// ended with its request.
func (e *Entry) stale(c *Conn) {
	ended := e.Owner.Interrupted()
	now := time.Now()
	why, culprit := loss.ServerClosedIdle, loss.Culprit{}
	h := c.host
	h.mu.Lock()
	defer h.unlock()
	switch end := c.raw.ending(); {
	case end == byPeer && c.raw.sentAtEnd.Load() <= c.writtenBefore:
		// The peer ended it before the request was sent, however long ago it was handed out.
	case ended != loss.None:
		why, culprit = ended, e.Owner.Culprit()
	case end == byOthers:
		why = loss.ConnError
	case now.Sub(c.givenAt) > max(staleMost, 4*c.dial.clock.took().Connect):
		// The server had the request for longer than a round trip: the connection broke
		// under the request, and was not closed as an idle one.
		why, culprit = loss.ConnError, e.Owner.Culprit()
	}
	c.streams = 0
	c.releasedLocked()
	if c.user == e.id && c.state == active {
		c.loseLocked(why, culprit, now)
	}
	e.takeBackLocked()
	e.lost = c.lost
}

// crowdedMost is how many tries a request may lose to connections that had no stream left,
// before such tries count for net/http's backoff, too.
const crowdedMost = 20

// staleMost is the most time from a request's hand-out to the end of its connection for
// that to be the close of an idle connection.
const staleMost = 10 * time.Millisecond

// leaveStream takes the exchange off an HTTP/2 connection that did not take its
// request.
func (e *Entry) leaveStream(c *Conn, err error) {
	now := time.Now()
	h := c.host
	h.mu.Lock()
	defer h.unlock()
	e.takeBackLocked()
	c.leaveLocked(e)
	c.noteCrowdedLocked()
	if err.Error() == h2GotGoAway && (c.state == active || c.state == idle) {
		// Else the next tries might be given it again.
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
