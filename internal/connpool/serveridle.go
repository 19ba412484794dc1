package connpool

import (
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// serverIdle is for how long the server keeps idle connections of a route, learned
// from those that it has closed. A request that is sent when that time is nearly over
// crosses the server's close, and net/http can't send all of them again: a POST fails
// with EOF. Servers seldom announce their limit (Keep-Alive), so it is learned:
//
//	one closing ──▶ doubted: requests that can't be sent again avoid connections
//	                that were idle for four fifths of that
//	three, alike ─▶ known: connections are retired before it, those in use aside
//	                from it; from then on the server closes none that is idle
//	each 10 min ──▶ one idle connection is left to the server: what that shows holds
//
// Its host's mutex guards it.
type serverIdle struct {
	limit  time.Duration // 0: not known
	spread time.Duration // by how much the closings differ that have shown it

	// The last closings, of different moments, that are alike and do not show limit:
	// the shortest, how many, and when the last one was.
	shortest time.Duration
	alike    int
	at       time.Time
	// most is the longest of the last moment.
	most time.Duration

	rtt      time.Duration // a way there and back, as connects have shown
	probedAt time.Time

	// keep is how long a connection may lie idle, and trust how long one that a
	// request gets which can't be sent again; 0: no limit.
	keep, trust time.Duration
}

const (
	// alikeLeast is how many closings in a row make a limit. The first may be
	// anything: a restart, a deadline of the whole connection, a balancer's own.
	alikeLeast = 3
	// closedAlike is by how much closings differ, beside an eighth of the time, that
	// are alike: what a busy machine is late by.
	closedAlike = 2 * time.Millisecond
	// oneMoment is how long a moment is, at most an eighth of the time idle. What the
	// server closes in one moment counts once; and not at all if it was idle for
	// different times, for then it is a restart, and no limit.
	oneMoment = 50 * time.Millisecond
	// probeAgain is how long a limit is believed until an idle connection is left to
	// the server, to see whether it is longer now.
	probeAgain = 10 * time.Minute
	// sentLate is how long a request may take from its connection's choice to the wire, on
	// a machine that is busy.
	sentLate = 2 * time.Millisecond
)

// likeness is by how much two closings may differ.
func (s *serverIdle) likeness(idle time.Duration) time.Duration {
	return idle/8 + s.rtt/2 + closedAlike
}

// closedLocked notes that the server has closed a connection that was idle for so
// long. Probe says that it was left to the server.
func (s *serverIdle) closedLocked(idle time.Duration, probe bool, now time.Time) {
	if idle <= 0 {
		return
	}
	defer s.deriveLocked()
	like := s.likeness(idle)
	if s.limit > 0 && (probe || (idle-s.limit).Abs() <= like) {
		if idle > s.limit+like {
			s.limit, s.spread = idle, 0
			return
		}
		s.spread = max(s.spread-s.spread/8, (s.limit - idle).Abs())
		s.limit, s.alike = s.limit+(idle-s.limit)/4, 0
		return
	}
	sameMoment := now.Sub(s.at) <= min(oneMoment, max(idle/8, time.Millisecond))
	s.at = now
	switch {
	case s.alike > 0 && sameMoment:
		s.shortest, s.most = min(s.shortest, idle), max(s.most, idle)
		if s.most-s.shortest > like {
			s.alike = 0
		}
		return
	case s.alike > 0 && (idle-s.shortest).Abs() <= like:
		s.alike++
		s.spread = max(s.spread, (idle - s.shortest).Abs())
		s.shortest = min(s.shortest, idle)
	case sameMoment:
		return // one more of those that differ
	default:
		s.shortest, s.alike, s.spread = idle, 1, 0
	}
	s.most = idle
	if s.alike >= alikeLeast {
		s.limit, s.alike, s.probedAt = s.shortest, 0, now
	}
}

// livedLocked notes that the server has answered on a connection that had been idle
// for so long.
func (s *serverIdle) livedLocked(idle time.Duration) {
	if s.limit > 0 && idle > s.limit+s.likeness(idle) {
		s.limit = 0
		s.deriveLocked()
	}
	if s.alike > 0 && idle > s.shortest+s.likeness(idle) {
		s.alike = 0
		s.deriveLocked()
	}
}

// connectedLocked notes how long a connect took: a way there and back, and perhaps more.
func (s *serverIdle) connectedLocked(took time.Duration) {
	if s.rtt == 0 || took < s.rtt {
		s.rtt = took
	} else {
		s.rtt += (took - s.rtt) / 16
	}
	s.deriveLocked()
}

// deriveLocked brings keep and trust up to date. A request has to be at the server
// before the limit is over, and that has been running there since half a way before the
// response was here: so a whole way there and back is to be spared.
func (s *serverIdle) deriveLocked() {
	s.keep, s.trust = 0, 0
	switch {
	case s.limit > 0:
		margin := s.rtt + max(s.rtt/32, s.spread, s.limit/200) + sentLate
		s.keep = max(s.limit-margin, 1)
		s.trust = s.keep
	case s.alike > 0:
		s.trust = max(s.shortest*4/5-s.rtt, 1)
	}
}

// probesLocked reports whether c, which has been idle for as long as the server is
// believed to keep it, is left to the server.
func (c *Conn) probesLocked(now time.Time) bool {
	s := &c.route.server
	if c.probe {
		s.livedLocked(now.Sub(c.idleAt)) // and the pool's own limit ends it
		return false
	}
	if s.limit == 0 || now.Sub(s.probedAt) < probeAgain {
		return false
	}
	c.probe = true
	if c.tooIdle(now) {
		c.probe = false
		return false
	}
	s.probedAt = now
	return true
}

// closedIdleLocked notes that the server has closed c, which lay idle.
func (c *Conn) closedIdleLocked(now time.Time) {
	if !c.wasIdle || c.uses == 0 {
		return // how long a server waits for the first request is another limit
	}
	idle := c.closedAt(now).Sub(c.idleAt)
	c.host.worth.ServerClosed(idle, now)
	c.route.server.closedLocked(idle, c.probe, now)
}

// crossed is for c, of HTTP/1, on which a request failed: if its end was on the way
// when the request was sent, it was a limit of the server's.
func (c *Conn) crossed() {
	if c.raw.ending() != byPeer {
		return
	}
	now := time.Now()
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	s := &c.route.server
	if c.raw.read.Load() == c.readIdle && c.closedAt(now).Sub(c.givenAt) < s.rtt+max(s.rtt/4, staleMost) {
		s.closedLocked(c.idledFor+s.rtt, c.probe, now)
	}
}

// closedAt is when the end of c has come, as far as the socket has seen it: that of a
// GOAWAY, behind which a server may leave an idle connection open for a while.
func (c *Conn) closedAt(now time.Time) time.Time {
	if c.raw == nil {
		return now
	}
	ns := c.raw.endedAt.Load()
	if c.http2 && c.raw.farewell.Load() && c.raw.said.Load() > c.saidIdle {
		ns = c.raw.readAt.Load()
	}
	if d := time.Duration(now.UnixNano() - ns); ns != 0 && d > 0 {
		return now.Add(-d)
	}
	return now
}

// distrustsLocked reports whether c, which is idle or of HTTP/2, has been idle for the
// server for so long that a request which can't be sent again is not to have it. Over
// HTTP/2 what counts is when the server was last heard of: it does not know of streams
// that are on their way to it. One that is silent for longer, and still open, has a
// stream that it works on.
func (c *Conn) distrustsLocked(now time.Time) bool {
	s := &c.route.server
	if s.trust == 0 {
		return false
	}
	quiet := time.Duration(0)
	if c.state == idle {
		quiet = now.Sub(c.idleAt)
	}
	if c.http2 && c.raw != nil && c.uses > 0 {
		silent := time.Duration(now.UnixNano() - c.raw.readAt.Load())
		if c.state == idle || silent < s.trust+s.rtt+max(s.trust/2, 10*closedAlike) {
			quiet = max(quiet, silent)
		}
	}
	return quiet >= s.trust
}

// shunLocked retires c, which is not to be trusted and had to be replaced soon, if no
// exchange has it.
func (c *Conn) shunLocked(now time.Time) {
	if c.streams == 0 {
		c.retireQuietLocked(loss.IdleTimeout, now)
	}
}

// onceLocked is how many of those who wait for an HTTP/2 connection need one of their
// own: their requests can't be sent again, and the server keeps idle connections for less
// than a dial takes. When they may share one, its SETTINGS having come, the server may
// be about to close it.
func (rt *route) onceLocked() (n int) {
	if rt.server.trust == 0 {
		return 0
	}
	if cost, _ := rt.host.worth.Cost(rt.hop); rt.server.trust >= cost {
		return 0
	}
	for w := rt.waiters.first; w != nil; w = w.next {
		if w.once {
			n++
		}
	}
	return n
}

// sentOnce reports whether net/http would not send req again that has crossed the
// server's close.
func sentOnce(req *http.Request, http2 bool) bool {
	if http2 {
		return outgoingLength(req) != 0 && req.GetBody == nil
	}
	return !replayable(req)
}

// serverIdleLocked is the shortest limit known of the host's routes; 0 if there is none.
func (h *Host) serverIdleLocked() (d time.Duration) {
	for _, rt := range h.allRoutes() {
		if l := rt.server.limit; l > 0 && (d == 0 || l < d) {
			d = l
		}
	}
	return d
}
