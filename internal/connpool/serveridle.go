package connpool

import (
	"time"
)

// serverIdle is for how long the server keeps idle connections of a route, learned
// from those that it has closed. A request that is sent when that time is nearly over
// crosses the server's close, and net/http can't send all of them again: a POST fails
// with EOF. Servers seldom announce their limit (Keep-Alive), so it is learned:
//
//	one closing ──▶ doubted: for a while requests that can't be sent again avoid
//	                connections that were idle for four fifths of that
//	three, alike ─▶ known: connections are retired before it, those in use aside
//	                from it; from then on the server closes none that is idle
//	each 10 min ──▶ one idle connection is left to the server: what that shows holds
//	one that lives longer ──▶ neither is true
//
// Its host's mutex guards it.
type serverIdle struct {
	limit  time.Duration // 0: not known
	spread time.Duration // by how much the closings differ that have shown it
	series series
	// doubtedTo is until when the last closing is a doubt.
	doubtedTo time.Time

	// shown is how long the last connection was idle that the server has closed, or for
	// how long it says that it keeps one, at shownAt; 0: not known. What a connection is worth
	// that is left to the next request is guessed by that, and no request rests on it.
	shown   time.Duration
	shownAt time.Time

	rtt      time.Duration // a way there and back, as connects have shown
	probedAt time.Time

	// keep is how long a connection may lie idle, and trust how long one that a
	// request gets which can't be sent again; 0: no limit.
	keep, trust time.Duration
}

// series are the last closings, of different moments, that are alike and do not show
// the limit.
type series struct {
	shortest, spread time.Duration
	n                int
	at               time.Time     // of the last moment
	most             time.Duration // the longest of it
}

const (
	// alikeLeast is how many closings in a row make a limit. The first may be
	// anything: a restart, a deadline of the whole connection, a balancer's own.
	alikeLeast = 3
	// closedAlike is by how much closings differ, beside an eighth of the time, that
	// are alike: what a busy machine is late by.
	closedAlike = 2 * time.Millisecond
	// hardlyIdle, and a way there and back, is how long a connection must have been
	// idle for its end to say anything: what comes sooner came with the last response.
	hardlyIdle = time.Millisecond
	// oneMoment is how long a moment is, at most an eighth of the time idle. What the
	// server closes in one moment counts once; and not at all if it was idle for
	// different times, for then it is a restart, and no limit.
	oneMoment = 50 * time.Millisecond
	// doubtFor, and four times as long as the connection was idle, is how long one
	// closing is a doubt.
	doubtFor = 10 * time.Second
	// probeAgain is how long a limit is believed until an idle connection is left to
	// the server, to see whether it is longer now.
	probeAgain = 10 * time.Minute
	// sentLate is how long a request may take from its connection's choice to the wire, on
	// a machine that is busy.
	sentLate = 2 * time.Millisecond
	// shownLeast is how long a connection must have been idle for its end to be shown: a
	// shorter time is a restart's, say.
	shownLeast = time.Second
	// shownFor is how long what was shown is believed: on a host where that speaks against
	// draining, nothing would show that it is another one.
	shownFor = 10 * time.Minute
)

// likeness is by how much two closings may differ.
func (s *serverIdle) likeness(idle time.Duration) time.Duration {
	return idle/8 + s.rtt/2 + closedAlike
}

// closedLocked notes that the server has closed a connection that was idle for so
// long. Probe says that it was left to the server, and crossed that a request has met
// the end, of which one that the server ended for the request's sake can't be told.
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
// what it says.
func (s *serverIdle) showsLocked(idle time.Duration, now time.Time) { s.shown, s.shownAt = idle, now }

// takenLocked notes that a request was given a connection that had been idle for so long.
func (s *serverIdle) takenLocked(idle time.Duration) {
	if idle > s.shown {
		s.shown = 0
	}
}

// withinLocked is how long a connection lies idle at most, where the pool ends it after own;
// 0: for good.
func (s *serverIdle) withinLocked(own time.Duration, now time.Time) time.Duration {
	if s.shown > 0 && now.Sub(s.shownAt) < shownFor && (own == 0 || s.shown < own) {
		return s.shown
	}
	return own
}

// addLocked adds a closing. It is false for one of a moment that has counted.
func (x *series) addLocked(idle, like time.Duration, now time.Time) bool {
	sameMoment := now.Sub(x.at) <= min(oneMoment, max(idle/8, time.Millisecond))
	x.at = now
	switch {
	case x.n > 0 && sameMoment:
		x.shortest, x.most = min(x.shortest, idle), max(x.most, idle)
		if x.most-x.shortest > like {
			x.n = 0
		}
		return false
	case sameMoment:
		return false // one more of those that differ
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

// livedLocked notes that a connection is open, or was of use, that had been idle for so
// long.
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
// response was here: so a whole way there and back is to be spared. Where that and what
// the closings differ by is more than half of the limit, connections are kept until the server
// closes them, for what can be sent again.
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

// serverIdleLocked is the shortest limit known of the host's routes; 0 if there is none.
func (h *Host) serverIdleLocked() (d time.Duration) {
	for _, rt := range h.allRoutes() {
		if l := rt.server.limit; l > 0 && (d == 0 || l < d) {
			d = l
		}
	}
	return d
}
