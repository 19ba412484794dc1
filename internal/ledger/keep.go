package ledger

import (
	"slices"
	"time"
)

// Keep says how long the connections of a ledger are kept. It acts on those that
// lie idle, and its zero value leaves them to net/http.
type Keep struct {
	// MaxAge retires a connection at that age. Each has an age of its own, up
	// to a tenth less. 0: never.
	MaxAge time.Duration
	// Every is how often half of the connections that were not needed since the
	// last time are let go. 0: never.
	Every time.Duration
	// Floor is how many of a host are kept whatever was needed.
	Floor int
	// Announced is whether what the server says in Keep-Alive is heeded.
	Announced bool
	// Private says that all requests over the base are known to the ledger. Only
	// then does it retire connections.
	Private bool
}

// Keep sets how long connections are kept, before the first exchange.
func (l *Ledger) Keep(k Keep) { l.keep = k }

// End has each connection retired as soon as it lies idle. Those that do are
// for the owner of the base to close.
func (l *Ledger) End() { l.over.Store(true) }

const (
	// margin is how long before the server's own limit a connection is let go:
	// for the way there and back; of a short limit half of it.
	margin = time.Second
	// tendAgain is when to look again if a request was in the way.
	tendAgain = 50 * time.Millisecond
)

// KeepAlive notes that the server keeps the exchange's connection for so long
// while it lies idle.
func (u *Use) KeepAlive(d time.Duration) {
	if d <= 0 || !u.host.ledger.keep.Announced {
		return
	}
	d -= min(margin, d/2)
	c := u.given()
	if c == nil || !c.watched {
		return
	}
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.user != u.id || c.shared {
		return
	}
	c.announced = d
	h.worth.Announced(d, time.Now())
	if c.state == idle { // a response without a body comes after that
		h.tendBy(c.due())
	}
}

// old reports whether c is older than d, less its own part of that.
func (c *Conn) old(d time.Duration, now time.Time) bool {
	return now.Sub(c.opened) >= c.share(d)
}

func (c *Conn) share(d time.Duration) time.Duration {
	return d - d/10*time.Duration(c.jitter)/256
}

// due is when c is to be retired if it lies idle until then; zero if never.
func (c *Conn) due() (t time.Time) {
	if c.common {
		return t
	}
	if c.host.ledger.over.Load() {
		return c.idleAt
	}
	if c.announced > 0 {
		t = c.idleAt.Add(c.announced)
	}
	if d := c.host.ledger.keep.MaxAge; d > 0 {
		if old := c.opened.Add(c.share(d)); t.IsZero() || old.Before(t) {
			t = old
		}
	}
	return t
}

// rests sees to it that c, which has become idle, is retired in time. h.mu is
// held.
func (h *Host) rests(c *Conn) {
	h.tendBy(c.due())
	if d := h.ledger.keep.Every; d > 0 && !c.shared {
		if h.decayed.IsZero() {
			h.decayed = c.idleAt
		}
		h.tendBy(h.decayed.Add(d))
	}
}

// tendBy sets the clock by which the host is tended, if it is not set to an
// earlier time. h.mu is held.
func (h *Host) tendBy(t time.Time) {
	if !h.ledger.keep.Private || t.IsZero() || !h.tendAt.IsZero() && !t.Before(h.tendAt) {
		return
	}
	h.tendAt = t
	d := max(time.Until(t), 0)
	if h.tender == nil {
		h.tender = time.AfterFunc(d, h.tend)
	} else {
		h.tender.Reset(d)
	}
}

// rest stops the clock of a host without connections: it would keep what is left
// of a dropped client for as long as MaxAge. h.mu is held.
func (h *Host) rest() {
	if h.tender != nil {
		h.tender.Stop()
	}
	h.tendAt, h.decayed, h.peak = time.Time{}, time.Time{}, 0
}

// tend retires what is due.
func (h *Host) tend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tendAt = time.Time{}
	now := time.Now()
	surplus := h.decay(now)
	h.retireDue(now, surplus)
	for _, c := range h.idles {
		if t := c.due(); !t.IsZero() && !t.After(now) {
			h.tendBy(now.Add(tendAgain)) // a request was in the way
		} else {
			h.tendBy(t)
		}
	}
	if d := h.ledger.keep.Every; d > 0 && h.idle > 0 {
		h.tendBy(h.decayed.Add(d))
	}
}

// decay returns how many idle connections are to be let go now. It is half of
// those that were not needed since it was last asked, so that what a burst has
// left goes fast, and the last ones slowly. h.mu is held.
func (h *Host) decay(now time.Time) int {
	d := h.ledger.keep.Every
	if d <= 0 || now.Sub(h.decayed) < d {
		return 0
	}
	surplus := h.active + h.idle - h.sharing - h.kept()
	h.decayed, h.peak = now, h.active
	return max(surplus+1, 0) / 2
}

// kept is how many connections decay leaves: as many as were in use at once since
// the last one; 0 if there is none. h.mu is held.
func (h *Host) kept() int {
	if h.ledger.keep.Every <= 0 {
		return 0
	}
	return max(h.peak, h.ledger.keep.Floor)
}

// retireDue retires the idle connections whose time has come, and as many others,
// the longest idle first, as there are too many. h.mu is held.
func (h *Host) retireDue(now time.Time, surplus int) {
	isDue := func(c *Conn) bool {
		t := c.due()
		return !t.IsZero() && !t.After(now)
	}
	if surplus == 0 && !slices.ContainsFunc(h.idles, isDue) {
		return
	}
	h.retire(func() (due []*Conn) {
		left := surplus
		for _, c := range h.idles {
			switch {
			case !c.watched, c.common, c.shared && h.inflight > 0:
				// Nobody waits for a busy host to come to rest.
			case isDue(c):
				due = append(due, c)
			case left > 0 && !c.shared:
				left--
				due = append(due, c)
			}
		}
		return due
	}, func(c *Conn) Reason {
		if d := h.ledger.keep.MaxAge; d > 0 && c.old(d, now) {
			return MaxAge
		}
		return IdleTimeout
	})
}
