package ledger

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestEveryEdgeOfAnExchangeOccurs, and no other does, when hooks are called at random: behind
// middleware, several requests may be one exchange of the ledger. The host's counts are right
// all along.
func TestEveryEdgeOfAnExchangeOccurs(t *testing.T) {
	var seen [phases][phases]bool
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		l := New(nil)
		l.onEdge = func(from, to phase) {
			seen[from][to] = true
			if !entryEdges[from][to] {
				t.Errorf("seed %d: edge %v to %v is not in the table", seed, from, to)
			}
		}
		conns := []*fakeConn{another(), another(), another()}
		entries := make([]*Entry, 3)
		for i := range entries {
			entries[i] = &Entry{BehindMiddleware: rnd.IntN(2) == 0}
			l.Begin(entries[i], key, nil, time.Now())
		}
		h := entries[0].host
		for range 30 {
			e, now := entries[rnd.IntN(len(entries))], time.Now()
			switch rnd.IntN(8) {
			case 0, 1:
				e.GetConn("host.example:80", now)
			case 2, 3:
				i := rnd.IntN(len(conns))
				e.GotConn(conns[i], rnd.IntN(2) == 0, i == 0, now) // the first speaks HTTP/2
			case 4:
				e.PutIdleConn(None)
			case 5:
				e.PutIdleConn([]Reason{IdleLimit, ConnError}[rnd.IntN(2)])
			case 6:
				if rnd.IntN(6) == 0 {
					e.End([]Reason{None, ConnError, BodyUnread, ClientClose}[rnd.IntN(4)], false, now)
				}
			case 7:
				e.ExpectRaceLoser(now)
			}
			count(t, h, entries)
		}
		for _, e := range entries {
			e.End(None, false, time.Now())
			e.PutIdleConn(None)
		}
		count(t, h, entries)
	}
	for from := range phases {
		for to := range phases {
			if entryEdges[from][to] && !seen[from][to] {
				t.Errorf("edge %v to %v is in the table and does not occur", from, to)
			}
		}
	}
}

// count fails the test if h's counts do not agree with its connections.
func count(t *testing.T, h *Host, entries []*Entry) {
	t.Helper()
	ask, run, open, inUse := 0, 0, 0, 0
	for _, e := range entries {
		if e.phase == asking {
			ask++
		}
		if !e.ended {
			run++
		}
	}
	for _, v := range h.counts.versions {
		open, inUse = open+v.Open, inUse+v.Active
	}
	if h.asking != ask || h.inFlight != run || h.counts.open != open || h.counts.active != inUse {
		t.Fatalf("%d ask, %d in flight, %d open, %d active; want %d, %d, %d, %d",
			h.asking, h.inFlight, h.counts.open, h.counts.active, ask, run, open, inUse)
	}
	if n := &h.counts; min(n.idle, n.closing, n.http2) < 0 || n.active+n.idle+n.closing > n.open || n.http2 > n.active+n.idle {
		t.Fatalf("the counts are %+v", *n)
	}
}
