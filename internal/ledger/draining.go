package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// Draining notes that the connection of u is drained after its body was closed,
// and may soon be free: a dial to its host waits for that as long as a new
// connection would cost. Stop breaks the drain off. Done must be called at its
// end.
func (l *Ledger) Draining(u *Use, cost time.Duration, stop func()) (done func()) {
	h := u.host
	h.mu.Lock()
	h.draining++
	h.drainCost = cost
	c := u.conn
	h.mu.Unlock()
	if c != nil {
		c.drains(u, time.Now())
	}
	l.drains.mu.Lock()
	if l.drains.stops == nil {
		l.drains.stops = make(map[*Use]func())
	}
	l.drains.stops[u] = stop
	l.drains.mu.Unlock()
	return func() {
		h.mu.Lock()
		h.draining--
		h.wake()
		h.mu.Unlock()
		l.drains.mu.Lock()
		delete(l.drains.stops, u)
		l.drains.mu.Unlock()
	}
}

// drains writes the connection of u down as one that may be lost, so that one
// dial, and one only, is charged with it.
func (c *Conn) drains(u *Use, now time.Time) {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.user == u.id && c.loss == nil {
		c.loss = &loss.Loss{At: now, Reason: BodyUnread, Culprit: u.culprit(), Provisional: true}
		h.losses.Add(c.loss)
	}
}

// StopDrains breaks off the drains that run in the background.
func (l *Ledger) StopDrains() {
	l.drains.mu.Lock()
	defer l.drains.mu.Unlock()
	for _, stop := range l.drains.stops {
		stop()
	}
}

// hold is how long a dial that has waited for so long should wait on, for one
// of the connections that are drained. h.mu is held.
func (h *Host) hold(waited time.Duration) time.Duration {
	if h.draining < len(h.wanting) {
		return 0
	}
	return max(h.drainCost-waited, 0)
}
