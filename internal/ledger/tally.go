package ledger

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
)

// Tally counts connections: how many were opened, and how many were closed, by reason.
type Tally struct {
	Opened, Closed uint64
	Lost           []Count // sums up to Closed
}

// Count is the number of connections lost for one reason.
type Count struct {
	Reason Reason
	N      uint64
}

func (t *Tally) add(r Reason, n int) {
	i := slices.IndexFunc(t.Lost, func(c Count) bool { return c.Reason == r })
	if i < 0 {
		i = len(t.Lost)
		t.Lost = append(t.Lost, Count{Reason: r})
	}
	t.Lost[i].N += uint64(n) // #nosec G115 -- a number of connections
}

// Count counts a connection that was closed for reason r.
func (t *Tally) Count(r Reason) {
	t.Closed++
	t.add(r, +1)
}

// Recount moves a connection that was counted already from one reason to another.
func (t *Tally) Recount(from, to Reason) {
	t.add(from, -1)
	t.add(to, +1)
}

// Totals are the sums over all hosts, forgotten ones too, of any number of ledgers. They
// are safe for concurrent use: only the opening and closing of connections takes their lock.
type Totals struct {
	mu    lockorder.Mutex[lockorder.Totals]
	tally Tally
}

// Tally returns a copy.
func (t *Totals) Tally() Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.tally
	out.Lost = slices.Clone(out.Lost)
	return out
}

// Count makes t the sums that the ledger adds to. Call it before the first exchange.
func (l *Ledger) Count(t *Totals) { l.totals = t }

// Totals are the sums that the ledger adds to.
func (l *Ledger) Totals() *Totals { return l.totals }

// Opened, Closed and Recount change the sums for a connection that its host counts itself.
func (l *Ledger) Opened() {
	l.totals.mu.Lock()
	l.totals.tally.Opened++
	l.totals.mu.Unlock()
}

// Closed is described at Opened.
func (l *Ledger) Closed(r Reason) {
	l.totals.mu.Lock()
	l.totals.tally.Count(r)
	l.totals.mu.Unlock()
}

// Recount is described at Opened.
func (l *Ledger) Recount(from, to Reason) {
	l.totals.mu.Lock()
	l.totals.tally.Recount(from, to)
	l.totals.mu.Unlock()
}

// NextConn returns an ID for a new connection.
func (l *Ledger) NextConn() uint64 { return l.conns.Add(1) }

// countClosedLocked counts c, once it is gone, or corrects the reason that it was counted
// under: PutIdleConn may be called after the end of its exchange, and tell better.
func (h *Host) countClosedLocked(c *Conn) {
	why := c.closeReason()
	switch {
	case c.state != gone || why == c.countedAs:
		return
	case c.countedAs == None:
		h.tally.Count(why)
		h.ledger.Closed(why)
	default:
		h.tally.Recount(c.countedAs, why)
		h.ledger.Recount(c.countedAs, why)
	}
	c.countedAs = why
}

// closeReason is why c is lost, as far as that is known.
func (c *Conn) closeReason() Reason {
	switch {
	case c.loss != nil:
		return c.loss.Reason
	case c.uses == 0 && !c.predates:
		return Unused
	}
	return Unknown
}

// Counts is a consistent snapshot of one host's connections.
type Counts struct {
	Key     Key
	Host    string
	Watched bool // the opening and closing of each of its connections is seen
	Open    int  // connections open now, without the ones being dialed
	Active  int  // in use
	Idle    int  // open, not in use and not about to be closed
	Coming  int  // being dialed
	Kept    int  // decay would close none now if there were no more than this
	// ServerIdle is for how long the server keeps idle connections; 0 if that is not known.
	ServerIdle time.Duration
	Rotates    bool    // successive lookups of its name give different addresses
	Tally              // Opened - Closed = Open
	Totals     *Totals // the sums that include them
	// Versions are the open connections by protocol, Spoken the protocols seen so far, and
	// Peers the open connections by the address of their other end, if peers are counted.
	Versions Versions
	Spoken   [len(Versions{})]bool
	Peers    Peers
	// Shakes are the TLS handshakes of connections that are the kit's own.
	Shakes Handshakes
}

// Counts calls f for each host. F must keep neither Lost nor Peers.
func (l *Ledger) Counts(f func(Counts)) {
	if own := l.own.Load(); own != nil {
		(*own).Counts(f)
	}
	l.hosts.Each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		n := &h.counts
		n.spoken[Unspoken] = n.spoken[Unspoken] || n.versions[Unspoken].Open > 0
		f(Counts{
			Key: h.key, Host: h.key.String(), Open: n.open, Active: n.active, Idle: n.open - n.active - n.closing,
			Tally: h.tally, Totals: h.ledger.totals, Versions: n.versions, Spoken: n.spoken, Peers: n.peers,
		})
	})
}
