package ledger

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
)

// Tally counts connections: those opened, and those closed by reason.
type Tally struct {
	Opened, Closed uint64
	Lost           []Count // sums up to Closed
}

// Count is how many connections were lost for one reason.
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
	t.Lost[i].N += uint64(n)
}

// Count counts one that was closed for that reason.
func (t *Tally) Count(r Reason) {
	t.Closed++
	t.add(r, +1)
}

// Recount moves one that was counted from one reason to another.
func (t *Tally) Recount(from, to Reason) {
	t.add(from, -1)
	t.add(to, +1)
}

// Totals are the sums of all hosts of any number of ledgers, of those forgotten
// too. They are safe for concurrent use, and nothing but openings and closings
// comes here.
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

// Count makes t the sums that the ledger adds to, before its first exchange.
func (l *Ledger) Count(t *Totals) { l.totals = t }

// Totals are the sums that the ledger adds to.
func (l *Ledger) Totals() *Totals { return l.totals }

// Opened, Closed and Recount add to the sums what is counted elsewhere.
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

// NextConn is the ID of a new connection.
func (l *Ledger) NextConn() uint64 { return l.conns.Add(1) }

// countClosedLocked counts c, which is gone, or corrects the reason that it was counted
// under: PutIdleConn may come after the end of its exchange.
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
	Watched bool // each of its connections is known to open and to close
	Open    int  // connections open now, those being dialed not included
	Active  int  // in use
	Idle    int  // open, not in use and not about to be closed
	Coming  int  // being dialed
	Kept    int  // that many would not be let go now for being too many
	// ServerIdle is for how long the server keeps idle connections, as far as that is
	// known; 0 if it is not.
	ServerIdle time.Duration
	Rotates    bool    // lookups of its name give now these and now other addresses
	Tally              // Opened - Closed = Open
	Totals     *Totals // that they are summed up in
	// Versions are those open by protocol, Spoken which of these were seen so far,
	// and Peers those whose address is known by that, if those are counted.
	Versions Versions
	Spoken   [len(Versions{})]bool
	Peers    Peers
	// Shakes are the TLS handshakes of connections that are the kit's own.
	Shakes Handshakes
}

// Counts calls f for each host. It must keep neither Lost nor Peers.
func (l *Ledger) Counts(f func(Counts)) {
	if own := l.own.Load(); own != nil {
		(*own).Counts(f)
	}
	l.hosts.Each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		n := &h.counts
		f(Counts{
			Key: h.key, Host: h.key.String(), Open: n.open, Active: n.active, Idle: n.open - n.active - n.closing,
			Tally: h.tally, Totals: h.ledger.totals, Versions: n.versions, Spoken: n.spoken, Peers: n.peers,
		})
	})
}
