package connpool

import (
	"time"
)

// serverIdle is for how long the server keeps idle connections of a route, learned from
// connections that it has closed. A request that is sent when that time is nearly over
// crosses the server's close, and net/http can't send every request again: a POST fails with
// EOF. Servers seldom announce their limit (Keep-Alive), so it is learned:
//
//	one closing ──▶ doubt: for a while a request that can't be sent again gets no
//	                connection that was idle for four fifths of that time
//	three, alike ─▶ known limit: idle connections are retired before it, so that the
//	                server has none to close
//	each 10 min ──▶ probe: one idle connection is left to the server, and the time at
//	                which that is closed is the new limit
//	a connection lives longer ──▶ no doubt, and no known limit, any more
//
// Its host's mutex guards it.
type serverIdle struct {
	limit  time.Duration // 0: not known
	spread time.Duration // by how much the closings that have shown it differ
	series series
	// doubtedTo is the time until which the last closing is a doubt.
	doubtedTo time.Time

	// shown is an idle time, noted at shownAt; 0: not known. It is the idle time of the last
	// connection that the server has closed, or the time that it announces. It serves to
	// guess what a connection is worth that is left for the next request; no request
	// depends on it.
	shown   time.Duration
	shownAt time.Time

	rtt      time.Duration // a round trip, as connects have shown
	probedAt time.Time

	// keep is how long a connection may be idle; trust is how long it may have been idle for
	// a request that can't be sent again; 0: no limit.
	keep, trust time.Duration
}

// series are the last closings, in different moments, that are alike but do not make a
// limit yet.
type series struct {
	shortest, spread time.Duration
	n                int
	at               time.Time     // the last moment
	most             time.Duration // the longest idle time of that moment
}

const (
	// alikeLeast is how many closings in a row make a limit. The first may have any cause: a
	// restart, a deadline of the whole connection, a balancer's own limit.
	alikeLeast = 3
	// closedAlike, and an eighth of the idle time, is by how much closings that are alike
	// may differ: a busy machine is late by that.
	closedAlike = 2 * time.Millisecond
	// hardlyIdle, and a round trip, is how long a connection must have been idle for its end
	// to count: an end that comes sooner came with the last response.
	hardlyIdle = time.Millisecond
	// oneMoment is how long a moment is; at most an eighth of the idle time, and leastMoment
	// at least. Connections
	// that the server closes in one moment count once; and not at all if they were idle for
	// different times, for that is a restart, and no limit.
	oneMoment, leastMoment = 50 * time.Millisecond, time.Millisecond
	// doubtFor, and four times the connection's idle time, is how long one closing is a
	// doubt.
	doubtFor = 10 * time.Second
	// probeAgain is how long a limit is believed before an idle connection is left to the
	// server, to see whether the limit is longer now.
	probeAgain = 10 * time.Minute
	// sentLate is how long a request may take from the choice of its connection to the wire,
	// on a busy machine.
	sentLate = 2 * time.Millisecond
	// shownLeast is how long a connection must have been idle for its end to be noted as
	// shown: a shorter idle time may be a restart's.
	shownLeast = time.Second
	// shownFor is how long the shown time is believed: on a host where it speaks against
	// draining, no later closing would correct it.
	shownFor = 10 * time.Minute
)

// likeness is by how much two closings that are alike may differ.
func (s *serverIdle) likeness(idle time.Duration) time.Duration {
	return idle/8 + s.rtt/2 + closedAlike
}

// closedLocked notes that the server has closed a connection that was idle for that long.
// Probe: it was left to the server. Crossed: a request crossed the close, so that the server
// may as well have ended the connection because of the request.
func (s *serverIdle) closedLocked(idle time.Duration, probe, crossed bool, now time.Time) {
	if !crossed && idle >= shownLeast {
		s.showsLocked(idle, now)
	}
	if idle < hardlyIdle+s.rtt || crossed && s.limit == 0 && s.series.n == 0 {
		return
	}
	defer s.deriveLocked()
	like := s.likeness(idle)
	if s.limit > 0 && (probe || (idle-s.limit).Abs() <= like) {
		s.series = series{}
		if idle > s.limit+like {
			s.limit, s.spread = idle, 0
			return
		}
		s.spread = max(s.spread-s.spread/8, (s.limit - idle).Abs())
		s.limit += (idle - s.limit) / 4
		return
	}
	s.doubtedTo = now.Add(doubtFor + 4*idle)
	if x := &s.series; x.addLocked(idle, like, now) && x.n >= alikeLeast {
		s.limit, s.spread, s.probedAt, s.series = x.shortest, x.spread, now, series{}
	}
}

// showsLocked notes for how long the server keeps an idle connection, by one closing or by
// its own announcement.
func (s *serverIdle) showsLocked(idle time.Duration, now time.Time) { s.shown, s.shownAt = idle, now }

// takenLocked notes that a request was given a connection that had been idle for that long.
func (s *serverIdle) takenLocked(idle time.Duration) {
	if idle > s.shown {
		s.shown = 0
	}
}

// withinLocked is how long a connection can be idle, where the Pool ends it after own; 0: for
// good.
func (s *serverIdle) withinLocked(own time.Duration, now time.Time) time.Duration {
	if s.shown > 0 && now.Sub(s.shownAt) < shownFor && (own == 0 || s.shown < own) {
		return s.shown
	}
	return own
}

// addLocked adds a closing. It returns false for one of a moment that was counted before.
func (x *series) addLocked(idle, like time.Duration, now time.Time) bool {
	sameMoment := now.Sub(x.at) <= min(oneMoment, max(idle/8, leastMoment))
	x.at = now
	switch {
	case x.n > 0 && sameMoment:
		x.shortest, x.most = min(x.shortest, idle), max(x.most, idle)
		if x.most-x.shortest > like {
			x.n = 0
		}
		return false
	case sameMoment:
		return false // the moment's closings differ: see oneMoment
	case x.n > 0 && (idle-x.shortest).Abs() <= like:
		x.n++
		x.spread = max(x.spread, (idle - x.shortest).Abs())
		x.shortest = min(x.shortest, idle)
	default:
		*x = series{shortest: idle, n: 1, at: now}
	}
	x.most = idle
	return true
}

// livedLocked notes that a connection that had been idle for that long is open, or has
// served a request.
func (s *serverIdle) livedLocked(idle time.Duration) {
	if s.limit > 0 && idle > s.limit+s.likeness(idle) {
		s.limit = 0
		s.deriveLocked()
	}
	if s.series.n > 0 && idle > s.series.shortest+s.likeness(idle) {
		s.series = series{}
		s.deriveLocked()
	}
}

// connectedLocked notes how long a connect took: a round trip, and perhaps more.
func (s *serverIdle) connectedLocked(took time.Duration) {
	if s.rtt == 0 || took < s.rtt {
		s.rtt = took
	} else {
		s.rtt += (took - s.rtt) / 16
	}
	s.deriveLocked()
}

// deriveLocked brings keep and trust up to date. A request must arrive at the server before
// the limit is over. There the limit began to run half a round trip before the response
// arrived here, and the request takes half a round trip as well: so a margin of a whole one
// is needed, and the spread of the closings. If the margin is more than half of the limit,
// connections are kept until the server closes them, for requests that can be sent again.
func (s *serverIdle) deriveLocked() {
	s.keep, s.trust = 0, 0
	switch {
	case s.limit > 0:
		margin := s.rtt + max(s.rtt/32, s.spread, s.limit/200) + sentLate
		s.trust = max(s.limit-margin, 1)
		if margin <= s.limit/2 {
			s.keep = s.trust
		}
	case s.series.n > 0:
		s.trust = max(s.series.shortest-s.series.shortest/5-s.rtt, 1)
	}
}

// serverIdleLocked is the shortest known limit of the host's routes; 0 if none is known.
func (h *Host) serverIdleLocked() (d time.Duration) {
	for _, rt := range h.allRoutes() {
		if l := rt.server.limit; l > 0 && (d == 0 || l < d) {
			d = l
		}
	}
	return d
}
