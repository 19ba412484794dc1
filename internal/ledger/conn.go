package ledger

import (
	"github.com/warmconn/warmconn/internal/loss"

	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"time"
)

// Conn is one connection's line in the ledger.
type Conn struct {
	// ID is unique in this ledger, from 1 on.
	ID uint64
	// before is called once, before the next Read of a watched connection.
	before atomic.Pointer[func()]
	// shaking is set until the end of its TLS handshake, if that will be told.
	// Until then nobody can have it.
	shaking atomic.Bool
	reads   atomic.Uint32 // that have begun, of a watched connection
	host    *Host
	opened  time.Time

	// Guarded by host.mu.
	state   state
	uses    int
	first   bool   // the host's first
	streams int    // exchanges that ride on it; more than one only over HTTP/2
	user    uint64 // the Use that has it, or had it last
	shared  bool   // HTTP/2: many exchanges, never put back
	hadAt   time.Time
	eof     bool    // the peer has ended it: closed, or reset
	failed  bool    // the last exchange on it did, over HTTP/2
	foreign bool    // was in use before this ledger first saw it
	watched bool    // its dialer reports: Closing and Closed will be called
	coming  *coming // until its first use
	idleSeq uint64  // Host.seq when it became idle
	idleAt  time.Time
	loss    *loss.Loss // once it was written down as lost
	doom    *loss.Loss // what it is lost for, over HTTP/2, once its streams have ended
	key     net.Conn
	stray   *ask // of the request that it was dialed for, if that was served otherwise
	// For whom it was dialed, and what that took; empty if the dial could not be
	// told whose it was.
	by     uint64 // the Use, by ID
	dialer Culprit
	setup  Setup
	dialed time.Time
	span   *Span  // see SetSpan
	peer   string // its address; empty if nobody counts them
	addr   string // that was dialed, a proxy's perhaps
	held   *Held  // see hold
	// common: net/http may give it to requests to other hosts, too. It does so
	// with those to a proxy that forwards plain http, and keeps no connection for
	// each host there; and it has one name where a Key has two, for one that is
	// not in ASCII. No barrier of one host holds those requests back.
	common bool

	jitter    uint8         // its part in 256 of what ages differ by
	announced time.Duration // how long it may lie idle, by what the server says
	end       Ender         // nil if it is not watched
	retiring  bool          // it is being retired, and net/http has yet to close it
	told      Reason        // what it is counted as lost for, once it is gone
}

// Setup is what making a connection took, as far as it was seen.
type Setup struct{ DNS, Connect, TLS time.Duration }

type state uint8

const (
	unused  state = iota // dialed, never had by an exchange
	active               // in somebody's hands
	idle                 // put back
	closing              // lost, and not closed yet
	gone                 // closed, upgraded, or believed so
)

// opens enters a new connection: to which peer, if those are counted, and whether it
// was in use before. h.mu is held.
func (h *Host) opens(now time.Time, peer string, foreign bool) *Conn {
	h.open++
	h.countOpened()
	c := &Conn{ID: h.ledger.conns.Add(1), host: h, opened: now, peer: peer, foreign: foreign, jitter: uint8(rand.Uint32())}
	h.count(c, +1)
	return c
}

// become changes a connection's state and the counts with it. h.mu is held.
func (h *Host) become(c *Conn, s state) {
	if c.state == gone {
		return
	}
	h.count(c, -1)
	if c.state == active {
		h.spoken[c.version()] = true // as far as it ever shows
	}
	if c.state == idle {
		// The last put back is the first taken.
		if i := lastIndex(h.idles, c); i >= 0 {
			h.idles = slices.Delete(h.idles, i, i+1)
		}
		h.wake()
	}
	c.state = s
	h.count(c, +1)
	if s == idle {
		h.seq++
		c.idleSeq = h.seq
		if c.watched {
			c.idleAt = time.Now()
		}
		h.idles = append(h.idles, c)
		if c.watched {
			h.rests(c)
		}
	}
	h.peak = max(h.peak, h.active)
	if c.coming != nil {
		h.arrived(c.coming)
		c.coming = nil
	}
	if s == gone {
		h.open--
		if h.open == 0 {
			h.rest()
		}
		h.tell(c)
		h.wake()
	}
}

func lastIndex(cs []*Conn, c *Conn) int {
	for i, x := range slices.Backward(cs) {
		if x == c {
			return i
		}
	}
	return -1
}

// count adds c to the counts of its state. h.mu is held.
func (h *Host) count(c *Conn, n int) {
	switch c.state {
	case active:
		h.active += n
	case idle:
		h.idle += n
	case closing:
		h.closing += n
	}
	if c.state != gone {
		h.countOpen(c, n)
	}
	if c.shared && (c.state == active || c.state == idle) {
		h.sharing += n
		if c.doom != nil {
			h.spent += n
		}
	}
}

// share notes that c speaks HTTP/2. h.mu is held.
func (h *Host) share(c *Conn) {
	h.count(c, -1)
	c.shared = true
	h.count(c, +1)
}

// WillRead notes that a Read of a watched connection is about to begin.
func (c *Conn) WillRead() {
	c.reads.Add(1)
	if f := c.before.Load(); f != nil && c.before.CompareAndSwap(f, nil) {
		(*f)()
	}
}

// Shaking reports whether the connection is in its handshake for sure.
func (c *Conn) Shaking() bool { return c.shaking.Load() }

// PeerEnded notes that the peer ended or broke the connection: a Read of it
// failed, or brought TLS's word for that; or that it did not after all. It must
// come before whoever reads from the connection learns of it.
func (c *Conn) PeerEnded(yes bool) {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	if c.state != closing && c.state != gone { // else it is our own end of it
		c.eof = yes
	}
}

// Closing notes that a watched connection is about to be closed. Cause is what
// the caller of Close shows, Unknown if nothing; it counts only where no
// exchange has the connection, for an exchange knows better by itself.
func (c *Conn) Closing(cause Reason) {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case c.loss != nil:
		c.loss.Settle(c.loss.Reason, time.Now())
	case c.doom != nil:
		c.loss = c.doom
		h.losses.Add(c.loss)
	case c.state == idle || c.state == active && c.shared:
		c.loss = &loss.Loss{At: time.Now(), Reason: c.atRest(cause)}
		if !c.shared || !h.passed.After(c.hadAt) {
			h.losses.Add(c.loss)
		}
	}
	if c.state == unused && c.coming != nil {
		// It costs nobody anything: a second dial that lost its race.
		h.losses.Refund(c.coming.why.loss)
	}
	h.become(c, closing)
}

// atRest says why a connection is lost that is closed while no exchange has it,
// or over HTTP/2. h.mu is held.
func (c *Conn) atRest(cause Reason) Reason {
	reader := cause == Unknown || cause == ProtocolError || cause == ReadEnded
	switch {
	case !reader:
		return cause
	case c.eof && c.streams == 0:
		c.host.worth.ServerClosed(time.Since(c.idleAt), time.Now())
		return ServerClosedIdle
	case c.eof:
		// It broke under those streams, or lay idle: all of them are here
		// already, and their callers have yet to read that. The end of the
		// exchanges will tell.
		return Unknown
	case cause == ReadEnded && c.streams == 0 && !c.failed:
		return GoAway
	case cause == ReadEnded:
		return Unknown // the server may have broken the protocol
	}
	return cause
}

// Closed notes that a watched connection is closed. Only now may another one
// take its place.
func (c *Conn) Closed() {
	h := c.host
	h.mu.Lock()
	if c.state == gone && c.told != "" {
		h.mu.Unlock()
		return // net/http may close it twice
	}
	h.become(c, gone)
	if c.retiring {
		c.retiring = false
		h.barrier.left--
		h.stirred()
	}
	life := Life{Key: h.key, Peer: c.peer, Version: c.version(), Age: time.Since(c.opened), Uses: c.uses}
	h.mu.Unlock()
	h.ledger.Tell(life)
}
