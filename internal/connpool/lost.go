package connpool

import (
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// noteLocked writes down why c is lost.
func (c *Conn) noteLocked(why loss.Reason, culprit loss.Culprit, now time.Time) {
	h := c.host
	switch {
	case why == loss.Unused:
		h.book.Refund(c.dial.charged) // it cost no caller anything
	case c.lost != nil:
		c.lost.Settle(why, now)
	default:
		if !why.Blames() {
			culprit = loss.Culprit{}
		}
		c.lost = &loss.Loss{At: now, Reason: why, Culprit: culprit}
		h.book.Add(c.lost)
	}
}

// loseLocked ends c for that reason: it is closed, unless it is already.
func (c *Conn) loseLocked(why loss.Reason, culprit loss.Culprit, now time.Time) {
	if c.state == closing || c.state == closed {
		return
	}
	if c.uses == 0 && !(why == loss.ClosedIdle || why == loss.IdleTimeout || why == loss.ServerClosedIdle || why == loss.GoAway) {
		why = loss.Unused
	}
	c.noteLocked(why, culprit, now)
	c.finishLocked(now)
}

// finishLocked closes c, which is lost.
func (c *Conn) finishLocked(now time.Time) {
	h := c.host
	c.route.unshare(c)
	if c.gone() {
		h.moveLocked(c, closed)
		h.fillLocked(now)
		return
	}
	h.moveLocked(c, closing)
	h.afterwards(func() {
		// Over TLS a Close may take 5 s, and no caller must wait for that.
		go func() {
			c.cc.Close()
			c.stateChanged()
		}()
	})
}

// gone reports whether the connection is closed, its socket included.
func (c *Conn) gone() bool {
	return c.cc.Err() != nil && (c.raw == nil || c.raw.closed.Load())
}

func (rt *route) unshare(c *Conn) {
	for i, x := range rt.shared {
		if x == c {
			rt.shared = append(rt.shared[:i:i], rt.shared[i+1:]...)
			return
		}
	}
}

// hook sets the state hook, or takes it away. Over HTTP/1 it costs each request some locks,
// and tells no more than the end of the exchange and that of the socket do. So a connection
// has it only while net/http drains a body on it behind the exchange.
func (c *Conn) hook(on bool) {
	if !on {
		c.cc.SetStateHook(nil)
		return
	}
	c.cc.SetStateHook(func(*http.ClientConn) { c.stateChanged() })
}

// socketClosed runs after net/http has closed the socket. Net/http still holds a lock of
// the connection's then: Available waits for that.
func (c *Conn) socketClosed() {
	if !c.http2 {
		c.cc.Available()
	}
	c.stateChanged()
}

// stateChanged is the state hook. It is no more than a hint: a change that comes while the
// hook runs is lost. It runs on net/http's goroutines, and inside of the caller's Close of
// a body.
func (c *Conn) stateChanged() {
	c.host.mu.Lock()
	c.lookLocked(time.Now())
	c.host.unlock()
}

// lookLocked brings c up to date with net/http's state of it.
func (c *Conn) lookLocked(now time.Time) {
	h, rt := c.host, c.route
	dead := c.cc.Err() != nil
	c.countOverLocked()
	if c.http2 && !c.limit.settled && !dead {
		c.settleLocked()
		in := c.cc.InFlight()
		if n := c.cc.Available(); n > 0 {
			c.noteLimitLocked(n, in)
		}
		if c.limit.settled {
			rt.replaceLocked(now)
		}
	}
	switch c.state {
	case idle:
		switch {
		case dead:
			c.loseLocked(c.atRest(now), loss.Culprit{}, now)
			h.fillLocked(now)
		case c.due != loss.None && c.quietLocked():
			c.retireLocked(c.due, now)
			h.fillLocked(now)
		case c.http2 && c.cc.InFlight() == 0 && c.refusesLocked():
			if c.cc.Err() != nil {
				c.lookLocked(now) // it has broken in between, and refuses for that
				return
			}
			c.sawGoAway = true
			c.loseLocked(c.atRest(now), loss.Culprit{}, now)
			h.fillLocked(now)
		case c.http2 && rt.waiters.all.Len() > 0 && c.cc.Available() > 0:
			rt.shareLocked(c, now) // its last stream has ended only now
		}
	case active:
		switch {
		case !c.http2:
			// Its exchange's end will tell.
		case dead:
			rt.unshare(c)
			if c.lost == nil { // its streams' ends will tell more
				c.guessed = true
				c.noteLocked(c.atRest(now), loss.Culprit{}, now)
			}
			c.retiresNowLocked()
			h.fillLocked(now)
		case c.limit.settled && c.refusesLocked():
			if c.cc.Err() != nil {
				c.lookLocked(now) // the same
				return
			}
			c.sawGoAway = true
			c.goAwayLocked(loss.GoAway, loss.Culprit{}, now)
			h.fillLocked(now)
			rt.announcedLocked(now)
		case rt.waiters.all.Len() > 0 && c.cc.Available() > 0:
			rt.shareLocked(c, now)
		}
	case draining:
		switch {
		case dead:
			reason := loss.BodyUnread
			if c.lost != nil {
				reason = c.lost.Reason
			}
			c.loseLocked(reason, loss.Culprit{}, now)
			h.fillLocked(now)
		case c.streams == 0 && c.reusable(): // else its exchange goes on draining
			if c.raw != nil {
				h.afterwards(func() { c.hook(false) })
			}
			was := c.lost
			if was != nil {
				h.book.Withdraw(was)
				c.lost = nil
			}
			if why := c.putLocked(nil, now); was != nil && c.lost != nil && why.Blames() {
				c.lost.Culprit = was.Culprit // it came back, and was not kept
			}
		}
	case goingAway:
		if c.streams == 0 {
			c.departLocked(now)
		}
	case closing:
		if c.gone() {
			h.moveLocked(c, closed)
			h.fillLocked(now)
		}
	}
}

// lookLocked brings the route's connections up to date.
func (rt *route) lookLocked(now time.Time) {
	for _, all := range [...][]*Conn{append([]*Conn(nil), rt.idle...), append([]*Conn(nil), rt.shared...)} {
		for _, c := range all {
			c.lookLocked(now)
		}
	}
	rt.disownLocked(now)
	rt.host.fillLocked(now)
}
