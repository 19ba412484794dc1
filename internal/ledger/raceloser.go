package ledger

import "time"

// A stray is a connection whose request was served by another one while it was
// being dialed. Net/http puts it among the idle ones when it is there, and
// httptrace calls it reused at its first use. The ledger, which sees no dials, must
// expect it, or it would take it for one that is older than itself.

const (
	// maxStrays and strayTime bound the dials that are awaited: some fail.
	maxStrays = 16
	strayTime = time.Minute
)

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
	h.expireLocked(now)
	if len(h.strays) < maxStrays {
		h.strays = append(h.strays, e.atGetConn)
	}
}

// raceLoserLocked returns what the request found that the stray was dialed for which has
// now shown up; nil if none is awaited.
func (h *Host) raceLoserLocked(now time.Time) *snapshot {
	h.expireLocked(now)
	if len(h.strays) == 0 {
		return nil
	}
	a := h.strays[0]
	h.strays = h.strays[1:]
	return &a
}

func (h *Host) expireLocked(now time.Time) {
	for len(h.strays) > 0 && now.Sub(h.strays[0].at) > strayTime {
		h.strays = h.strays[1:]
	}
}
