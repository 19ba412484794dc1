package ledger

import "time"

// raceLosers are dials whose requests were served by other connections meanwhile, oldest
// first. Net/http puts such a connection among the idle ones once it is dialed, and
// httptrace calls it reused at its first use. The ledger, which sees no dials, must
// expect it: else it would take it for a connection that is older than the ledger.
type raceLosers struct{ expected []snapshot }

const (
	// maxLosers and loserTime bound the dials that are expected: some fail, and would be
	// expected for ever.
	maxLosers = 16
	loserTime = time.Minute
)

// expectLocked expects a connection: it was dialed for a request that found a.
func (r *raceLosers) expectLocked(a snapshot, now time.Time) {
	r.expireLocked(now)
	if len(r.expected) < maxLosers {
		r.expected = append(r.expected, a)
	}
}

// takeLocked is for a connection that has shown up without a dial that the ledger knows. It
// returns the snapshot of the request for which that was dialed, or nil if none is expected.
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

// ExpectRaceLoser notes that the exchange was given a connection straight from another
// exchange, after it had waited: net/http has begun a dial for it, too. Under
// MaxConnsPerHost that is not certain, for a request may wait without a dial: then nothing
// is expected.
func (e *Entry) ExpectRaceLoser(now time.Time) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ledger.queues || e.ended || e.conn == nil || e.conn.http2 {
		return
	}
	h.losers.expectLocked(e.atGetConn, now)
}
