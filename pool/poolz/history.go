package poolz

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A ring has a point each tickEvery, or as seldom as Stats may be asked: see sample.goodFor.
const (
	tickEvery  = 2 * time.Second
	ringLen    = 150
	historyFor = ringLen * tickEvery // however far apart the points are
)

// point is one moment of a host's, or of all.
type point struct {
	at                   time.Time
	seconds              float32 // since the point before
	requests, new, ended uint32  // in them: whole numbers, so that a reuse of nothing is 0
	open, waiting        int32
}

func (p *point) requestsPerSecond() float32 { return float32(p.requests) / p.seconds }
func (p *point) newPerSecond() float32      { return float32(p.new) / p.seconds }

// ring is the last points of a host, the oldest overwritten first.
type ring struct {
	points []point
	next   int // where the next one goes, once all places are taken

	// What was counted at the last point.
	at time.Time
	n  totals
}

// add adds what was counted up to now. The first time it has nothing to compare with.
func (r *ring) add(now time.Time, n totals) {
	if took := now.Sub(r.at).Seconds(); !r.at.IsZero() && took > 0 {
		p := point{at: now, seconds: float32(took), requests: uint32(grown(n.requests, r.n.requests)), new: uint32(grown(n.new, r.n.new)),
			ended: uint32(risen(n.ended, r.n.ended)), open: int32(n.open), waiting: int32(n.waiting)} // #nosec G115 -- numbers of the time between two looks, and of connections and requests in memory
		if len(r.points) < ringLen {
			r.points = append(r.points, p)
		} else {
			r.points[r.next] = p
			r.next = (r.next + 1) % ringLen
		}
	}
	r.at, r.n = now, n
}

// grown is by how much a counter has grown. A host that was forgotten begins again.
func grown(now, before uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// risen is by how much a figure has risen that falls when a part of what it sums is gone.
func risen(now, before uint64) uint64 { return now - min(now, before) }

// list is a copy of those that historyFor has room for, the oldest first.
func (r *ring) list() []point {
	if r == nil {
		return nil
	}
	all := make([]point, 0, len(r.points))
	all = append(all, r.points[r.next:]...)
	all = append(all, r.points[:r.next]...)
	return slices.DeleteFunc(all, func(p point) bool { return r.at.Sub(p.at) >= historyFor })
}

// totals are those of a host's figures that a ring follows.
type totals struct {
	requests uint64
	// ended are those requests that are not in flight any more, and new how many connections
	// were new to such. Connections that were opened are no measure: of those that were dialed
	// ahead no request is known yet, and a host's queue is forgotten before its connections.
	ended, new    uint64
	open, waiting int
}

func totalsOf(requests uint64, inFlight int, new map[roundtripper.NewReason]uint64, open, waiting int) totals {
	n := totals{requests: requests, open: open, waiting: waiting}
	n.ended = risen(requests, uint64(max(0, inFlight))) // #nosec G115 -- it is not negative
	for _, given := range new {
		n.new += given
	}
	return n
}

func totalsOfHost(h *pool.HostStats) totals {
	return totalsOf(h.Requests, h.InUse, h.New, h.Open, h.Waiting)
}

func totalsOfAll(s *pool.Stats) totals {
	return totalsOf(s.Requests, s.InUse, s.New, s.Open, s.Waiting)
}

// reuse is the part of the requests that were given a connection which had served one before, of
// those that have ended; ok is false without such.
func (n totals) reuse() (part float64, ok bool) {
	if n.ended == 0 {
		return 0, false
	}
	return max(0, 1-float64(n.new)/float64(n.ended)), true
}
