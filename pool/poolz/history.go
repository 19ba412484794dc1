package poolz

import (
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A ring has a point each tickEvery, or as seldom as Stats may be asked: see sample.goodFor.
const (
	tickEvery = 2 * time.Second
	ringLen   = 150 // five minutes of them
)

// point is one moment of a host's, or of all.
type point struct {
	at            time.Time
	requests, new float32 // per second, since the point before
	open, waiting int32
}

// ring is the last points of a host, the oldest overwritten first.
type ring struct {
	points []point
	next   int // where the next one goes, once all places are taken

	// What was counted at the last point.
	at            time.Time
	requests, new uint64
}

// add adds what was counted up to now. The first time it has nothing to compare with.
func (r *ring) add(now time.Time, n totals) {
	if took := now.Sub(r.at).Seconds(); !r.at.IsZero() && took > 0 {
		p := point{at: now, requests: float32(grown(n.requests, r.requests) / took), new: float32(grown(n.new, r.new) / took),
			open: int32(n.open), waiting: int32(n.waiting)} // #nosec G115 -- numbers of connections and requests in memory
		if len(r.points) < ringLen {
			r.points = append(r.points, p)
		} else {
			r.points[r.next] = p
			r.next = (r.next + 1) % ringLen
		}
	}
	r.at, r.requests, r.new = now, n.requests, n.new
}

// grown is by how much a counter has grown. A host that was forgotten begins again.
func grown(now, before uint64) float64 {
	if now < before {
		return float64(now)
	}
	return float64(now - before)
}

// list is a copy, the oldest first.
func (r *ring) list() []point {
	if r == nil {
		return nil
	}
	all := make([]point, 0, len(r.points))
	all = append(all, r.points[r.next:]...)
	return append(all, r.points[:r.next]...)
}

// totals are those of a host's figures that a ring follows.
type totals struct {
	requests, new uint64
	open, waiting int
}

// totalsOf has them. New connections are those that requests were given: New has them once
// their exchanges have ended, and what was opened tells sooner; of transports that were dropped
// New alone is left.
func totalsOf(requests uint64, new, lost map[roundtripper.NewReason]uint64, opened uint64, open, waiting int) totals {
	var given uint64
	for _, n := range new {
		given += n
	}
	return totals{requests, max(given, opened-min(lost["unused"], opened)), open, waiting}
}

func totalsOfHost(h *pool.HostStats) totals {
	return totalsOf(h.Requests, h.New, h.Lost, h.Opened, h.Open, h.Waiting)
}

func totalsOfAll(s *pool.Stats) totals {
	return totalsOf(s.Requests, s.New, s.Lost, s.Opened, s.Open, s.Waiting)
}

// reuse is the part of the requests that were given a connection which had served one before;
// ok is false without requests.
func (n totals) reuse() (part float64, ok bool) { return reuse(float64(n.requests), float64(n.new)) }

func reuse(requests, new float64) (part float64, ok bool) {
	if requests <= 0 {
		return 0, false
	}
	return max(0, 1-new/requests), true
}
