package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// Conn is one connection in the ledger.
type Conn struct {
	ID     uint64 // unique in this ledger, from 1 on
	host   *Host
	opened time.Time
	peer   string // its address; empty unless peers are counted

	// Guarded by host.mu.
	state     state
	uses      int
	first     bool   // the host's first
	streams   int    // exchanges on it; more than one only over HTTP/2
	user      uint64 // ID of the entry that has it, or had it last
	http2     bool   // HTTP/2, or 3: many exchanges, never put back
	quic      bool   // HTTP/3
	goingAway bool   // HTTP/2: no new streams; it ends with the ones it has
	predates  bool   // was in use before this ledger first saw it
	loss      *loss.Loss
	key       any       // in Host.conns; nil if it can't be recognized
	answered  time.Time // over HTTP/3: when the first response came
	raceLoser *snapshot // of the request that it was dialed for, if another connection served that
	span      *Span     // see SetSpan
	net       *NetConn  // see netConnLocked
	countedAs Reason    // the reason its close was counted under; none before that
}

type state uint8

const (
	unused  state = iota // no exchange has had it
	active               // in use
	idle                 // put back
	closing              // HTTP/2: net/http was asked to close it, and need not have done so
	gone                 // closed, upgraded, or believed to be
)

// opensLocked enters a new connection to peer, which is empty unless peers are counted.
// Foreign says that it was in use before.
func (h *Host) opensLocked(now time.Time, peer string, foreign bool) *Conn {
	h.tally.Opened++
	h.ledger.Opened()
	c := &Conn{ID: h.ledger.conns.Add(1), host: h, opened: now, peer: peer, predates: foreign}
	h.counts.addLocked(c, +1)
	return c
}

// moveLocked changes a connection's state and the counts with it.
func (h *Host) moveLocked(c *Conn, s state) {
	if c.state == gone {
		return
	}
	h.counts.addLocked(c, -1)
	if c.state == active {
		h.counts.spoken[c.version()] = true // after its use the version is as certain as it gets
	}
	c.state = s
	h.counts.addLocked(c, +1)
	if s == gone {
		h.countClosedLocked(c)
	}
}

// shareLocked notes that c speaks HTTP/2.
func (h *Host) shareLocked(c *Conn) {
	h.counts.addLocked(c, -1)
	c.http2 = true
	h.counts.addLocked(c, +1)
}

// loseLocked enters c's loss into the host's book.
func (h *Host) loseLocked(c *Conn, l *loss.Loss) {
	c.loss = l
	h.losses.Add(l)
}

// foundLocked notes that c was not lost after all.
func (h *Host) foundLocked(c *Conn) {
	if c.loss != nil {
		h.losses.Withdraw(c.loss)
		c.loss = nil
	}
}
