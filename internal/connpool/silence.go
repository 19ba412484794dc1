package connpool

import (
	"sync/atomic"
	"time"
)

const (
	// leastSilence is the shortest silence that says anything: so long a TCP may keep an
	// acknowledgement back, and so long Linux waits at least before it sends again.
	leastSilence = 200 * time.Millisecond
	// ticks is how far the kernel's clock, of 10 ms at worst, may be off at both ends.
	ticks = 20 * time.Millisecond
)

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
