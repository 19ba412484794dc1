package ledger

import "time"

// raceLosers are dials whose requests were served by other connections meanwhile, oldest
// first. Net/http puts the connection among the idle ones when it is there, and
// httptrace calls it reused at its first use. The ledger, which sees no dials, must
// expect it, or it would take it for one that is older than itself.
type raceLosers struct{ expected []snapshot }

const (
	// maxLosers and loserTime bound the dials that are expected: some fail.
	maxLosers = 16
	loserTime = time.Minute
)

// expectLocked expects the connection that was dialed for the request that found a.
func (r *raceLosers) expectLocked(a snapshot, now time.Time) {
	r.expireLocked(now)
	if len(r.expected) < maxLosers {
		r.expected = append(r.expected, a)
	}
}

// takeLocked returns what the request found that the connection was dialed for which has
// now shown up; nil if none is expected.
func (r *raceLosers) takeLocked(now time.Time) *snapshot {
	r.expireLocked(now)
	if len(r.expected) == 0 {
		return nil
	}
	a := r.expected[0]
	r.expected = r.expected[1:]
	return &a
}

func (r *raceLosers) expireLocked(now time.Time) {
	for len(r.expected) > 0 && now.Sub(r.expected[0].at) > loserTime {
		r.expected = r.expected[1:]
	}
}

// ExpectRaceLoser notes that the exchange was given a connection that another one had
// until then: net/http has begun a dial for it before. Where requests may queue
// for leave to dial, that is not certain.
func (e *Entry) ExpectRaceLoser(now time.Time) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ledger.queues || e.ended || e.conn == nil || e.conn.http2 {
		return
	}
	h.losers.expectLocked(e.atGetConn, now)
}
