package ledger

import (
	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/worth"

	"net"
	"reflect"
	"time"
)

// Host is one host, which is a scheme, a name and a port, with its connections and losses.
type Host struct {
	key    Key
	ledger *Ledger

	mu        lockorder.Mutex[lockorder.Host]
	forgotten bool // removed from the ledger
	served    bool // an exchange was given a connection
	lastHTTP2 bool // the connection given last speaks HTTP/2
	inFlight  int  // exchanges between Begin and End
	asking    int  // exchanges between GetConn and GotConn

	// Each of these has fields of its own, and knows nothing of the others.
	counts connCounts
	conns  map[any]*Conn // connections that exchanges were given, by net.Conn or quicKey
	losses loss.Book     // losses that no dial was charged with yet
	losers raceLosers
	worth  worth.Estimator
	tally  Tally
}

// maxConns bounds the connections kept for a host: no hook tells that they close.
const maxConns = 256

// snapshot is the state of a host when a request asked for a connection: the verdict on
// a dial rests on this moment, not on the end of the dial.
type snapshot struct {
	at     time.Time
	idle   int32 // connections that were put back, and that no other request asks for
	others int32 // other exchanges in flight
	first  bool  // no request has had a connection yet, or asks for one
	shared bool  // HTTP/2 connections were open
}

// Forget implements hosttable.Forgetter: a host may go if it has no exchange in flight and
// no open connection but idle ones, which are believed gone then.
func (h *Host) Forget() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inFlight > 0 || h.counts.active > 0 || h.counts.open > len(h.conns) {
		return false
	}
	for _, c := range h.conns {
		h.moveLocked(c, gone) // believed to be
	}
	h.conns = nil // the Host itself may be held longer: see Begin's known
	h.forgotten = true
	return true
}

// snapshotLocked returns the state of the host for a request that asks now.
func (h *Host) snapshotLocked(now time.Time) snapshot {
	return snapshot{
		at:     now,
		first:  !h.served && h.asking == 0,
		idle:   int32(max(h.counts.idle-h.asking, 0)), // #nosec G115 -- a number of connections in memory; each request that asks already takes one
		others: int32(h.inFlight - 1),                 // #nosec G115 -- a number of requests in memory
		shared: h.counts.http2 > 0,
	}
}

// verdictLocked says why a request had to dial that found a when it asked. If a loss is the
// reason, the dial is charged with it.
func (h *Host) verdictLocked(a snapshot, now time.Time) (Reason, Culprit) {
	switch {
	case h.ledger.KeepAlivesOff(h.lastHTTP2):
		return KeepAlivesOff, Culprit{}
	case a.first:
		return First, Culprit{}
	case a.idle > 0:
		return Unknown, Culprit{} // net/http did not take an idle one: perhaps they were gone
	}
	l, expired := h.losses.Charge(a.at, now, h.ledger.idleTimeout)
	switch {
	case l != nil:
		return l.ReasonFor(a.at), l.Culprit
	case a.shared:
		// Net/http did not use the open HTTP/2 connection: the server has sent
		// GOAWAY or takes no more streams at once, or the connection goes through
		// another proxy. Which of them, no hook tells.
		return Unknown, Culprit{}
	case a.others > 0:
		return AllBusy, Culprit{}
	case expired:
		// The lost connection would have idled out by now: its culprit is not the reason.
		return IdleTimeout, Culprit{}
	}
	return Unknown, Culprit{}
}

// dropIdle forgets the idle connections, which net/http was asked to close for the given
// reason. An HTTP/2 one need not be closed: net/http may take a moment to forget a stream
// whose body is read, and closes no connection that has a stream.
func (h *Host) dropIdle(reason Reason, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for nc, c := range h.conns {
		if c.state != idle {
			continue
		}
		h.loseLocked(c, &loss.Loss{At: now, Reason: reason})
		if c.http2 {
			h.moveLocked(c, closing) // until a request is given it again, or is given a new one
			continue
		}
		h.moveLocked(c, gone)
		delete(h.conns, nc)
	}
}

// identifyLocked finds the Conn of nc, or makes one. It can be found again only if nc can
// be a map's key.
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
