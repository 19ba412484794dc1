package ledger

import (
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/worth"

	"net"
	"reflect"
	"sync"
	"time"
)

// Host is the page of one host: scheme, name and port.
type Host struct {
	key    Key
	ledger *Ledger

	mu        sync.Mutex
	forgotten bool // its place in the ledger is another's
	served    bool // some exchange had a connection
	muxed     bool // the last one that was had speaks HTTP/2
	askers    int  // exchanges between GetConn and GotConn
	inflight  int  // exchanges between Begin and End
	exempt    int  // of those in flight, not counted by the limit
	open      int  // connections open, by state; the rest was never used yet
	active    int
	idle      int
	closing   int
	sharing   int       // open, had, and of HTTP/2
	spent     int       // of those, doomed
	idles     []*Conn   // those that are idle, in the order in which they became so
	seq       uint64    // counts that
	coming    []*coming // dials, and connections that were not used yet
	// passed is when a request last asked that dialed past open HTTP/2
	// connections: those had by nobody since are of no use to anybody, and the
	// dial that paid for them was that one.
	passed time.Time
	echoes bool // see Echoed
	silent bool
	// uploads are the requests whose body is still sent though their exchange has
	// ended.
	uploads int
	// sharedAt is when an HTTP/2 connection was had for the first time: those who
	// have asked before that are about to have it too.
	sharedAt time.Time
	// losses are the connections that were lost and that no dial was charged
	// with yet, oldest first, at most maxLosses.
	losses loss.Book
	// conns are the connections that are not watched, and strays those on their
	// way whose requests were served otherwise, oldest first.
	conns  map[net.Conn]*Conn
	strays []ask
	gated  []*gated // dials that wait for leave, first come first
	worth  worth.Estimator
	tally  Tally
	// versions count those open by protocol, and spoken says which were seen; peers
	// is that by address, nil unless somebody asked for it.
	versions Versions
	spoken   [len(Versions{})]bool
	peers    map[string]Versions
	// peak is the most connections that were in use at once since decayed, when
	// those not needed were last let go. At tendAt tender looks after the idle
	// ones.
	peak    int
	decayed time.Time
	tendAt  time.Time
	tender  *time.Timer
	barrier barrier
	// unsettled are the exchanges whose headers were not written yet: over HTTP/2
	// net/http may have chosen a connection for them and have to choose again.
	// Doomed is when one last waited in vain until there was none but itself.
	unsettled int
	doomed    time.Time
	// draining counts the connections that drain, the layer, is draining in the
	// background; drainCost is what a dial would cost in the place of the last.
	draining  int
	drainCost time.Duration
	// wanting are the exchanges that found no connection and have none yet.
	wanting []*Use
}

const (
	// maxUnwatched bounds what a ledger that sees no closes keeps of a host.
	maxUnwatched = 256
)

// ask is what a request found when it asked for a connection: the verdict on
// a dial rests on this moment, not on the end of the dial.
type ask struct {
	at     time.Time
	seq    uint64 // Host.seq: what became idle after that was not there
	idle   int32  // connections that were put back, and that nobody else asks for
	others int32  // other exchanges in flight, and connections not used yet
	first  bool   // nobody had a connection, or was getting one
	shared bool   // HTTP/2 connections were open
	unsure bool   // some of those idle are not watched, and may be gone
}

// forget reports whether nothing of the host is left. Then its clock, which
// would keep it, stands still.
func (h *Host) forget() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.inflight > 0 || len(h.coming) > 0 || h.active > 0 || h.open > len(h.conns) {
		return false
	}
	for _, c := range h.conns {
		h.become(c, gone) // believed to be
	}
	h.conns = nil // who has looked the page up may keep it
	if h.tender != nil {
		h.tender.Stop()
	}
	h.forgotten = true
	return true
}

// ask takes the picture. h.mu is held.
func (h *Host) ask(now time.Time) ask {
	free := max(h.idle-h.askers, 0) // those who ask already take what there is
	return ask{
		at:     now,
		first:  !h.served && h.askers == 0 && len(h.coming) == 0,
		idle:   int32(free),
		others: int32(h.inflight - 1 + len(h.coming)),
		shared: h.sharing > 0,
		seq:    h.seq,
		unsure: free > 0 && len(h.conns) > 0,
	}
}

// verdict is why a connection was dialed.
type verdict struct {
	reason  Reason
	culprit Culprit
	loss    *loss.Loss // what was charged, if anything
}

// verdict says why a request that asked at a had to dial, and charges it with a
// loss if one is to blame. h.mu is held.
func (h *Host) verdict(a ask, now time.Time) verdict {
	if h.ledger.KeepAlivesOff(h.muxed) {
		return verdict{reason: KeepAlivesOff}
	}
	if a.first {
		return verdict{reason: First}
	}
	if a.unsure {
		return verdict{reason: Unknown}
	}
	l, expired := h.losses.Charge(a.at, now, h.ledger.idleTimeout)
	switch {
	case l != nil:
		return verdict{l.ReasonFor(a.at), l.Culprit, l}
	case a.shared:
		// Net/http did not use the HTTP/2 connection: the server has said
		// GOAWAY, or serves no more streams at once, or it goes through another
		// proxy. Nobody can see from here which, until it is closed.
		return verdict{reason: Unknown}
	case (a.idle == 0 || h.idle == 0) && a.others > 0:
		// Those that looked idle then were in somebody's hands already.
		return verdict{reason: AllBusy}
	case expired:
		// It would have idled out by now: whoever lost it is not to blame.
		return verdict{reason: IdleTimeout}
	}
	return verdict{reason: Unknown}
}

// dropIdle forgets the unwatched idle connections: they are known to be gone,
// for reason. Over HTTP/2 that is not certain: net/http may take a moment to
// forget a stream whose body is read, and closes no connection that has one.
func (h *Host) dropIdle(reason Reason, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for nc, c := range h.conns {
		if c.state != idle {
			continue
		}
		c.loss = &loss.Loss{At: now, Reason: reason}
		h.losses.Add(c.loss)
		if c.shared {
			h.become(c, closing) // until somebody has it again, or another one
			continue
		}
		h.become(c, gone)
		delete(h.conns, nc)
	}
}

// identify finds the line of a connection that nobody watches, or opens one.
// Its conn is remembered only if it can be a map's key. h.mu is held.
func (h *Host) identify(nc net.Conn, reused bool, now time.Time) *Conn {
	if !reflect.ValueOf(nc).Comparable() {
		return h.opens(now, "", reused)
	}
	if c := h.conns[nc]; c != nil {
		return c
	}
	if len(h.conns) >= maxUnwatched {
		for nc, c := range h.conns {
			if c.state != active {
				h.become(c, gone)
				delete(h.conns, nc)
			}
		}
	}
	var stray *ask
	if reused {
		stray = h.stray(now)
	}
	c := h.opens(now, "", reused && stray == nil)
	c.key, c.stray = nc, stray
	if h.conns == nil {
		h.conns = make(map[net.Conn]*Conn)
	}
	h.conns[nc] = c
	return c
}
