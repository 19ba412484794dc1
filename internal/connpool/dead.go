package connpool

import (
	"errors"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// A path can die without a word: a NAT or a firewall has forgotten the connection, or a
// machine or a route is gone. Packets are swallowed, and neither side closes anything. Over
// HTTP/1 each dead connection costs one request its whole deadline. Over HTTP/2 a time-out
// does not end the connection, so it costs all requests theirs until TCP gives up, after a
// quarter of an hour. So
//
//   - HTTP/2 connections are pinged where the base says nothing about pings;
//   - a request that times out without a byte of an answer condemns the connections that
//     may have died with its own, if the path is dead: see condemnLocked.
//
// A slow server looks the same from above, and must not be condemned: its next answer may
// need something that it has cached by connection, and many servers are slow because they
// are busy, and handshakes make them busier. The kernel can tell the two apart: a slow
// server's kernel acknowledges bytes that the busy program has not read yet. Where our
// kernel does not tell, two silent time-outs in a row are needed.

const (
	// pingAfter is for how long nothing must have come on an HTTP/2 connection before
	// net/http pings, and pingWait how long it waits for the answer before it closes the
	// connection. Both are client-go's, which has pinged with them for years.
	pingAfter, pingWait = 30 * time.Second, 15 * time.Second

	// sweepAgain is the least time between two sweeps that condemn a host's connections.
	// The first has taken all that were older than its silence. A connection that is left
	// was made or heard from since, and is condemned only by a new silence.
	sweepAgain = time.Second
)

// pings has t, a clone, ping over HTTP/2 if its base does not say how. A program that wants
// no pings sets a SendPingTimeout that is longer than a connection lives.
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

// unanswered looks whether the path is dead, for a request that has failed: it must have
// timed out, on a connection that has worked before. Before is how many bytes had come and
// gone on the connection when the request got it.
//
// A request that the caller has given up tells nothing: that is no time-out, and mostly
// comes too early.
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
		// TCP's time-out, of a TCP that has seen one round trip.
		rtt := c.dial.clock.took().Connect
		rto = rtt + max(leastSilence, 2*rtt)
		if c.soFar().read != before.read || s.silence < rto || !h.silence.secondLocked(g.at, now) {
			return
		}
	}
	e.condemnLocked(c, now.Add(-s.silence), rto, now)
}

// timedOut reports whether a request has failed because its time was over, by its
// context's deadline, http.Client's Timeout, or the transport's ResponseHeaderTimeout.
func (e *Entry) timedOut(err error) bool {
	if why := e.Owner.Interrupted(); why != loss.None {
		return why == loss.Timeout
	}
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// condemnLocked takes c out of use: the exchange has timed out on it, and its path is dead.
// It also closes the host's connections by the same way that have been idle since before
// the silence: each would cost a request its deadline. Connections that were made or heard
// from since are left. Over HTTP/2 the streams on c go on, and are answered if the path is
// not dead after all.
//
// The connections that it closes may be good, where a server with several addresses has
// lost one. Then each costs one handshake.
func (e *Entry) condemnLocked(c *Conn, since time.Time, rto time.Duration, now time.Time) {
	h := c.host
	if h.silence.swept.IsZero() || now.Sub(h.silence.swept) >= max(sweepAgain, rto) {
		h.silence.swept = now
		for _, rt := range h.allRoutes() {
			if rt.proxy == c.route.proxy { // another proxy is another path
				rt.condemnIdleLocked(c, since, now)
			}
		}
	}
	switch {
	case c.http2:
		// Net/http keeps streams that have timed out in flight until a ping is answered.
		// They count as reset, so that c is quiet, and can be closed, once the others end.
		c.resets = max(c.resets, c.cc.InFlight()-(c.streams-1))
		if c.state == active {
			c.goAwayLocked(loss.Dead, loss.Culprit{}, now)
		}
	case c.user == e.id && c.state == active:
		// Only its own request would say that it was lost by a time-out.
		c.streams = 0
		c.releasedLocked()
		c.loseLocked(loss.Dead, loss.Culprit{}, now)
		e.takeBackLocked()
		e.lost = c.lost
	}
	h.fillLocked(now)
}

// condemnIdleLocked closes the route's connections, but for c, that have been idle since
// before the silence began, which was at since.
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
