package connpool

import (
	"errors"
	"net/http"
	"sync/atomic"
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

	// leastSilence is the shortest silence that says anything: so long a TCP may keep an
	// acknowledgement back, and so long Linux waits at least before it sends again.
	leastSilence = 200 * time.Millisecond
	// ticks is how far the kernel's clock, of 10 ms at worst, may be off at both ends.
	ticks = 20 * time.Millisecond
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

// sight is what is seen of a connection in a silence.
type sight struct {
	silence time.Duration
	sent    int64 // bytes that were written in it; negative: not known
	seen    bool  // the kernel tells
	tcp     tcpFacts
}

// dead reports whether the path is dead: what was sent into the silence was sent at least
// twice, and neither was acknowledged though there was time enough. One packet that is
// lost, and a deadline shorter than the way there and back, are no death; and what the
// peer's kernel has acknowledged its program is slow to answer.
//
// Unacknowledged data alone is no sign: a peer keeps acknowledgements back for up to
// 200 ms. Nor is it that none came for the round trip and four times its variation: so
// on loopback a slow server would be dead to each deadline of 5 to 40 ms. A count of
// time-outs comes late: at first Linux sends again as a probe of the tail, which is not
// one, 200 ms behind the request, and then waits as long again: a request with a
// deadline of 300 ms would find nothing. But when the time-out is over something was sent
// again, probe or not, and what it has seen before a peer acknowledges at once: one round
// trip more tells.
//
// All that is so if what is not acknowledged is as old as the silence. In a body that is
// still being sent it may be the last piece, behind a pause: so nothing at all of what
// was sent in the silence must have been acknowledged, or a second time-out tells. (How
// long ago an acknowledgement came is no sign: a peer whose own packets come through
// repeats them, with an old one. When the last packet was sent neither: over TLS
// and HTTP/2 net/http has sent an alert or a RST_STREAM in this moment.)
func (s *sight) dead() bool {
	f := &s.tcp
	if f.unacked == 0 || s.silence < f.rto+f.rtt+4*f.rttVar+ticks {
		return false
	}
	return f.retransmits >= 2 || f.retransmits+f.repeated > 0 && s.sent > 0 && f.outstanding >= s.sent
}

// silent is how long nothing has come on c since something was sent; zero if nothing was.
func (c *netConn) silent(now time.Time) time.Duration {
	if at := c.asked.Load(); at != 0 {
		return time.Duration(now.UnixNano() - at)
	}
	return 0
}

// look asks the kernel. It takes no lock of the Pool's.
func (c *netConn) look(now time.Time) (s sight) {
	s.silence, s.sent = c.silent(now), c.begun.Load()-c.askedFrom.Load()
	if s.silence >= leastSilence {
		s.tcp, s.seen = tcpFactsOf(c.Conn)
	}
	return s
}

// asks notes that n bytes are about to be sent.
func (c *netConn) asks(n int64) {
	if c.asked.Load() == 0 {
		c.askedFrom.Store(c.begun.Load())
		c.asked.Store(time.Now().UnixNano())
	}
	c.begun.Add(n)
}

// hears notes that something came.
func (c *netConn) hears() {
	if c.asked.Load() != 0 {
		c.asked.Store(0)
	}
	if o := c.owner.Load(); o != nil {
		o.host.silence.broken()
	}
}

// closes is for the moment before net/http closes the connection, over HTTP/1, or TLS says
// so: at a time-out that is done before its RoundTrip returns, and of a closed socket the
// kernel tells nothing.
func (c *netConn) closes() {
	if c.frames.Load() {
		return
	}
	if s := c.look(time.Now()); s.silence >= leastSilence {
		c.last.Store(&s)
	}
}

// soFar is how many bytes have come on a connection, and how many were sent.
type soFar struct{ read, begun int64 }

func (c *Conn) soFar() (f soFar) {
	if c.raw != nil {
		f.read, f.begun = c.raw.read.Load(), c.raw.begun.Load()
	}
	return f
}

// silence is what a host knows of time-outs, where the kernel does not tell.
type silence struct {
	// suspected: a request has timed out without a byte of an answer, and since then none
	// came on any of the host's connections. It is cleared without the host's mutex.
	suspected atomic.Bool

	// Guarded by host.mu.
	at    time.Time // of that time-out
	swept time.Time // when connections were last condemned
}

func (s *silence) broken() {
	if s.suspected.Load() {
		s.suspected.Store(false)
	}
}

// secondLocked reports whether a request that got its connection at that time is the
// second in a row to time out in silence. Those that were under way together count as
// one: a slow server lets them all wait.
func (s *silence) secondLocked(given, now time.Time) bool {
	switch {
	case !s.suspected.Swap(true):
		s.at = now
	case !given.Before(s.at):
		s.suspected.Store(false)
		return true
	}
	return false
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

// sight looks at c, which a request was given at that time. It is false if there was no
// silence that says anything.
func (c *Conn) sight(now, given time.Time, before soFar) (s sight, ok bool) {
	switch {
	case c.raw == nil:
		s.silence, s.sent = now.Sub(given), -1
		if c.http2 && s.silence >= leastSilence {
			s.tcp, s.seen = tcpFactsOf(c.secure)
		}
	case c.http2:
		s = c.raw.look(now)
		if since := now.Sub(given); since < s.silence {
			// What was sent before the request came had perhaps no answer.
			s.silence, s.sent = since, c.raw.begun.Load()-before.begun
		}
	default:
		last := c.raw.last.Load()
		if last == nil {
			return s, false
		}
		s = *last
	}
	return s, s.silence >= leastSilence
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
		e.conn, e.lost = nil, c.lost
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
