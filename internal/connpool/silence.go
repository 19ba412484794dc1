package connpool

import (
	"sync/atomic"
	"time"
)

const (
	// leastSilence is the shortest silence that counts: a TCP may keep an acknowledgement
	// back for that long, and Linux waits at least that long before it sends again.
	leastSilence = 200 * time.Millisecond
	// synAcked is what the kernel counts as acknowledged, of a connection that was dialed,
	// before anything is written.
	synAcked = 1
	// ticks is how far the kernel's clock, of 10 ms at worst, may be off at both ends.
	ticks = 20 * time.Millisecond
)

// sight are the facts of a connection in a silence.
type sight struct {
	silence time.Duration
	sent    int64 // bytes that were written in it, or are just being; negative: not known
	acked   int64 // those of them that the peer has acknowledged; negative: not even all before them
	counted bool  // acked is known
	seen    bool  // tcp is set: the kernel was asked
	tcp     tcpFacts
}

// dead reports whether the path is dead. It is if data that was sent in the silence was sent
// at least twice, and not acknowledged though there was time enough. So it is not for one
// lost packet, nor for a deadline that is shorter than the round trip; and if the peer's
// kernel has acknowledged the data, the program there is slow to answer.
//
// These would be no signs, or come too late:
//
//   - Data without an acknowledgement: a peer keeps acknowledgements back for up to 200 ms.
//   - No acknowledgement for a round trip and four times its variation: on loopback a slow
//     server would seem dead at each deadline of 5 to 40 ms.
//   - The kernel's count of time-outs. Linux first sends again 200 ms after the request, as a
//     probe of the tail, which is not counted, and then waits as long again: a request with
//     a deadline of 300 ms would find no time-out.
//   - The time of the last acknowledgement: a peer whose own packets come through sends them
//     again, with an old acknowledgement.
//   - The time of the last packet: over TLS and HTTP/2 net/http has just sent an alert or a
//     RST_STREAM.
//
// But when the first time-out is over, something was sent again, probe or not; and a peer
// acknowledges data that it has seen before at once. So one round trip later it is certain.
//
// That holds if the unacknowledged data is as old as the silence. While a body is being sent
// it may be the last piece, after a pause. So there must be no acknowledgement at all of the
// data that was sent in the silence, or a second time-out. How much is outstanding would not
// tell: over HTTP/2 the RST_STREAM of the request that has timed out is being written while we
// look, and whether the kernel has it already cannot be known.
func (s *sight) dead() bool {
	f := &s.tcp
	if f.unacked == 0 || s.silence < f.rto+f.rtt+4*f.rttVar+ticks {
		return false
	}
	return f.retransmits >= 2 || f.retransmits+f.repeated > 0 && s.sent > 0 && s.counted && s.acked <= 0
}

// silent is how long the silence on c has lasted: nothing has come since something was sent;
// zero if there is none.
func (c *netConn) silent(now time.Time) time.Duration {
	if at := c.asked.Load(); at != 0 {
		return time.Duration(now.UnixNano() - at)
	}
	return 0
}

// look is the sight of c in a silence that began when from bytes had been written; it asks the
// kernel, and takes no lock of the Pool's.
func (c *netConn) look(silence time.Duration, from int64) (s sight) {
	s.silence, s.sent = silence, c.begun.Load()-from
	if s.silence >= leastSilence {
		s.tcp, s.seen = tcpFactsOf(c.Conn)
		acked := s.tcp.acked - synAcked
		s.acked = acked - from
		// What was sent before the silence has been answered, as a rule. If it seems not to be
		// acknowledged, the socket has other bytes than were written here: a dialer's wrapper
		// compresses, say; or the program has accepted the connection, whose SYN then counts
		// for nothing; or something came just when more had been sent, as it may over HTTP/2
		// and during an upload. Of a dialer that has sent some bytes of its own, more seems
		// acknowledged. In all these cases a second time-out is needed.
		s.counted = acked >= c.askedFrom.Load()
	}
	return s
}

// closes keeps the sight of c, over HTTP/1, before net/http closes it or sends TLS's
// close_notify. At a time-out net/http does so before its RoundTrip returns, and of a closed
// socket the kernel tells nothing.
func (c *netConn) closes() {
	if c.frames.Load() {
		return
	}
	if s := c.look(c.silent(time.Now()), c.askedFrom.Load()); s.silence >= leastSilence {
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

// silence is a host's memory of silent time-outs, for where the kernel does not tell.
type silence struct {
	// suspected: a request has timed out without a byte of an answer, and since then no
	// byte came on any of the host's connections. It is cleared without the host's mutex.
	suspected atomic.Bool

	// Guarded by host.mu.
	at    time.Time // the time of that time-out
	swept time.Time // when connections were last condemned
}

// broken notes that the host has said something.
func (s *silence) broken() {
	if s.suspected.Load() { // to look costs less than to write
		s.suspected.Store(false)
	}
}

// secondLocked reports whether a request that was given its connection at given is the
// second in a row to time out in silence. Requests that were under way together count as
// one: a slow server has them all wait.
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

// sight is the sight of c, which a request was given at given. It is not ok if there was no
// silence that counts.
func (c *Conn) sight(now, given time.Time, before soFar) (s sight, ok bool) {
	switch {
	case c.raw == nil:
		s.silence, s.sent = now.Sub(given), -1
		if c.http2 && s.silence >= leastSilence {
			s.tcp, s.seen = tcpFactsOf(c.secure)
		}
	case c.http2:
		silence, from := c.raw.silent(now), c.raw.askedFrom.Load()
		if since := now.Sub(given); since < silence {
			silence, from = since, before.begun // data that was sent before the request perhaps needed no answer
		}
		s = c.raw.look(silence, from)
	default:
		last := c.raw.last.Load()
		if last == nil {
			return s, false
		}
		s = *last
	}
	return s, s.silence >= leastSilence
}
