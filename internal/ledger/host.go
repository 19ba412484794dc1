package ledger

import (
	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/worth"

	"net"
	"reflect"
	"time"
)

// Host is the page of one host: scheme, name and port.
type Host struct {
	key    Key
	ledger *Ledger

	mu        lockorder.Mutex[lockorder.Host]
	forgotten bool // its place in the ledger is another's
	served    bool // some exchange had a connection
	lastHTTP2 bool // the last one that was had speaks HTTP/2
	inFlight  int  // exchanges between Begin and End
	asking    int  // of those, between GetConn and GotConn

	// Each of these has fields of its own, and knows nothing of the others.
	counts connCounts
	conns  map[any]*Conn // that exchanges were given, by net.Conn, or quicKey
	losses loss.Book     // that no dial was charged with yet
	losers raceLosers
	worth  worth.Estimator
	tally  Tally
}

// maxConns bounds what is kept of a host: no hook tells that its connections close.
const maxConns = 256

// snapshot is what a request found when it asked for a connection: the verdict on
// a dial rests on this moment, not on the end of the dial.
type snapshot struct {
	at     time.Time
	idle   int32 // connections that were put back, and that no other request asks for
	others int32 // other exchanges in flight
	first  bool  // no request had a connection, or was getting one
	shared bool  // HTTP/2 connections were open
}

// Forget implements hosttable.Forgetter: a host goes of which nothing is left.
func (h *Host) Forget() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inFlight > 0 || h.counts.active > 0 || h.counts.open > len(h.conns) {
		return false
	}
	for _, c := range h.conns {
		h.moveLocked(c, gone) // believed to be
	}
	h.conns = nil // who has looked the page up may keep it
	h.forgotten = true
	return true
}

// snapshotLocked takes the picture.
func (h *Host) snapshotLocked(now time.Time) snapshot {
	return snapshot{
		at:     now,
		first:  !h.served && h.asking == 0,
		idle:   int32(max(h.counts.idle-h.asking, 0)), // those who ask already take what there is
		others: int32(h.inFlight - 1),
		shared: h.counts.http2 > 0,
	}
}

// verdictLocked says why a request that asked at a had to dial, and charges it with a
// loss if one is to blame.
func (h *Host) verdictLocked(a snapshot, now time.Time) (Reason, Culprit) {
	switch {
	case h.ledger.KeepAlivesOff(h.lastHTTP2):
		return KeepAlivesOff, Culprit{}
	case a.first:
		return First, Culprit{}
	case a.idle > 0:
		return Unknown, Culprit{} // they may have been gone by then
	}
	l, expired := h.losses.Charge(a.at, now, h.ledger.idleTimeout)
	switch {
	case l != nil:
		return l.ReasonFor(a.at), l.Culprit
	case a.shared:
		// Net/http did not use the HTTP/2 connection: the server has said
		// GOAWAY, or serves no more streams at once, or it goes through another
		// proxy. Nobody can see from here which.
		return Unknown, Culprit{}
	case a.others > 0:
		return AllBusy, Culprit{}
	case expired:
		// It would have idled out by now: whoever lost it is not to blame.
		return IdleTimeout, Culprit{}
	}
	return Unknown, Culprit{}
}

// dropIdle forgets the idle connections: they are known to be gone,
// for reason. Over HTTP/2 that is not certain: net/http may take a moment to
// forget a stream whose body is read, and closes no connection that has one.
func (h *Host) dropIdle(reason Reason, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for nc, c := range h.conns {
		if c.state != idle {
			continue
		}
		h.loseLocked(c, &loss.Loss{At: now, Reason: reason})
		if c.http2 {
			h.moveLocked(c, closing) // until a request has it again, or another one
			continue
		}
		h.moveLocked(c, gone)
		delete(h.conns, nc)
	}
}

// identifyLocked finds the line of a connection, or opens one. Its conn is remembered
// only if it can be a map's key.
func (h *Host) identifyLocked(e *Entry, nc net.Conn, reused bool, now time.Time) *Conn {
	if !reflect.ValueOf(nc).Comparable() {
		return h.opensLocked(now, "", reused)
	}
	var key any = nc
	c := h.conns[key]
	quic := false
	if c == nil && e.BehindMiddleware {
		var k quicKey
		if k, quic = quicKeyOf(nc); quic {
			key, c = k, h.conns[k]
		}
		if c != nil && !reused && c.replacedLocked(e) {
			h.lostLocked(c)
			c = nil
		}
	}
	if c != nil {
		return c
	}
	if len(h.conns) >= maxConns {
		for nc, c := range h.conns {
			if c.state != active {
				h.moveLocked(c, gone)
				delete(h.conns, nc)
			}
		}
	}
	var loser *snapshot
	if reused && !quic {
		loser = h.losers.takeLocked(now)
	}
	c = h.opensLocked(now, "", reused && loser == nil)
	c.key, c.raceLoser, c.quic = key, loser, quic
	if h.conns == nil {
		h.conns = make(map[any]*Conn)
	}
	h.conns[key] = c
	return c
}
