package connpool

import (
	"errors"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// A path can die without a word: a NAT or a firewall has forgotten the connection, a
// machine is gone, a route. What is sent is swallowed, and nobody closes anything: each
// connection that died costs one request its whole deadline, and over HTTP/2, where a
// time-out does not end the connection, all requests until TCP gives up, after a quarter
// of an hour. So
//
//   - HTTP/2 connections are pinged where the base says nothing about pings;
//   - a request that times out with not a byte of an answer condemns, if the path is
//     dead, what may have died with its connection: see condemnLocked.
//
// A server that is slow looks the same from above, and must not be condemned: its next
// answer may need what it has cached by connection, and many such servers are slow
// because they are busy, and handshakes make them busier. The kernel knows which it is,
// for the server's kernel acknowledges what a busy program does not read; where ours
// does not tell, two silent time-outs in a row are needed.

const (
	// pingAfter and pingWait are client-go's, which has pinged with them for years: for
	// how long nothing must have come on an HTTP/2 connection before net/http pings, and
	// how long it waits for the answer before it closes the connection.
	pingAfter, pingWait = 30 * time.Second, 15 * time.Second

	// sweepAgain is how long at least a host is left alone after its connections were
	// condemned. By then all that were older are gone: what dies in that time was made,
	// or heard from, since, and if it is condemned as well, then by a new silence.
	sweepAgain = time.Second
)

// pings has t, a clone, ping over HTTP/2 if its base does not say how. A base that wants
// no pings says so by a SendPingTimeout that is longer than a connection lives.
func pings(t *http.Transport) {
	if t.HTTP2 == nil {
		t.HTTP2 = new(http.HTTP2Config)
	}
	if t.HTTP2.SendPingTimeout != 0 {
		return
	}
	t.HTTP2.SendPingTimeout = pingAfter
	if t.HTTP2.PingTimeout == 0 {
		t.HTTP2.PingTimeout = pingWait
	}
}

// unanswered looks whether the path is dead when a request has failed: if it has timed
// out, on a connection that has worked before. Before is what had come and gone on that
// when the request got it.
//
// One that the caller has given up tells nothing: that is no time-out, and mostly comes
// too early.
func (e *Entry) unanswered(c *Conn, g Got, before soFar, err error) {
	if !c.http2 && !g.Reused || !e.timedOut(err) {
		return
	}
	now := time.Now()
	s, ok := c.sight(now, g.at, before)
	if !ok {
		return
	}
	h := c.host
	h.mu.Lock()
	defer h.unlock()
	if c.state == goingAway && c.lost != nil && c.lost.Reason == loss.Dead {
		c.resets++ // see condemnLocked
		return
	}
	rto := s.tcp.rto
	if s.seen {
		if !s.dead() {
			return
		}
	} else {
		// What the time-out of a TCP would be that has seen one round trip.
		rtt := c.dial.clock.took().Connect
		rto = rtt + max(leastSilence, 2*rtt)
		if c.soFar().read != before.read || s.silence < rto || !h.silence.secondLocked(g.at, now) {
			return
		}
	}
	e.condemnLocked(c, now.Add(-s.silence), rto, now)
}

// timedOut reports whether a request has failed because its time was over: its
// context's, http.Client's Timeout, the transport's for response headers.
func (e *Entry) timedOut(err error) bool {
	if why := e.Owner.Interrupted(); why != loss.None {
		return why == loss.Timeout
	}
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// condemnLocked takes c out of use, on which the exchange has timed out and which is
// dead, and closes those of its host by the same way that lay idle before the silence
// began: one of them would cost the next request its deadline. Those that were made, or
// heard from, since are left. Over HTTP/2 the streams on c go on: if it is not dead
// after all they are answered.
//
// They may be good: a server with several addresses has lost one. Then each costs a
// handshake, once.
func (e *Entry) condemnLocked(c *Conn, since time.Time, rto time.Duration, now time.Time) {
	h := c.host
	if h.silence.swept.IsZero() || now.Sub(h.silence.swept) >= max(sweepAgain, rto) {
		h.silence.swept = now
		for _, rt := range h.allRoutes() {
			if rt.proxy == c.route.proxy { // by another proxy is another path
				rt.condemnIdleLocked(c, since, now)
			}
		}
	}
	switch {
	case c.http2:
		// For net/http streams that have timed out stay in flight, until a ping is
		// answered. So it is quiet, and can be closed, when the others are over.
		c.resets = max(c.resets, c.cc.InFlight()-(c.streams-1))
		if c.state == active {
			c.goAwayLocked(loss.Dead, loss.Culprit{}, now)
		}
	case c.user == e.id && c.state == active:
		// The time-out is what it died of only as its request sees it.
		c.streams = 0
		c.releasedLocked()
		c.loseLocked(loss.Dead, loss.Culprit{}, now)
		e.takeBackLocked()
		e.lost = c.lost
	}
	h.fillLocked(now)
}

// condemnIdleLocked closes the route's connections but c that have been idle since then.
func (rt *route) condemnIdleLocked(c *Conn, since, now time.Time) {
	for _, all := range [...][]*Conn{append([]*Conn(nil), rt.idle...), append([]*Conn(nil), rt.shared...)} {
		for _, x := range all {
			switch {
			case x == c, x.state != idle, !x.idleAt.Before(since):
			case x.raw != nil && x.http2 && x.raw.readAt.Load() >= since.UnixNano():
			case x.cc.Err() != nil:
				x.lookLocked(now)
			default:
				x.retireQuietLocked(loss.Dead, now)
			}
		}
	}
}
