package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

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
	e.takeBackLocked()
	e.lost = c.lost
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
	e.takeBackLocked()
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
