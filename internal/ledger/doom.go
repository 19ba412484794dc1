package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// An HTTP/2 connection that is busy is retired as net/http does it itself when a
// request says Connection: close: it is given to nobody from then on, and closed
// when its streams have ended. But net/http may have chosen it for others by
// then, whose streams are not open yet. It chooses again for them; but it has
// closed their bodies, and fails those that can't be rewound. 20 workers, half of
// whose requests were such POSTs, lost some at each connection. So it is doomed
// only when the streams of all exchanges are open, and others wait until it is.
//
// On a new connection net/http opens up to 100 streams before it knows the
// server's limit; those over it are refused, and again some fail. So none is
// doomed where the host needs several: there are more requests than one takes.

// doom notes that net/http gives c to nobody from now on. h.mu is held.
func (h *Host) doom(c *Conn, l *loss.Loss) {
	h.count(c, -1)
	c.doom, c.loss = l, l
	h.count(c, +1)
	h.losses.Add(l)
}

// dooms makes the exchange the last to have c, if that is to be retired and all
// others have opened their streams; else a later one will. It says why. Then the
// barrier is up until this one's is open, for closeStep at most: with
// StrictMaxConcurrentRequests the streams of others may have to end first, and
// if the connection breaks, net/http waits for those who ask, and they wait here.
// The host's mu is held, and given up meanwhile.
func (u *Use) dooms(c *Conn, now time.Time) Reason {
	h := c.host
	why := u.retires(c, now)
	if why == "" || u.ended || h.sharing-h.spent > 1 || !h.ledger.keep.Private || len(h.wanting) > 0 || now.Sub(h.doomed) < tendAgain || !h.raise() {
		return ""
	}
	alone := func() bool { return h.unsettled == 1 && !u.firm }
	if !h.await(quietMost, alone) || u.ended || c.state != active || c.doom != nil {
		h.doomed = time.Now()
		h.lower()
		return ""
	}
	u.holds = true
	opened := h.barrier.opened
	time.AfterFunc(closeStep, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if u.holds && h.barrier.opened == opened {
			u.holds = false
			h.lower()
		}
	})
	h.doom(c, &loss.Loss{At: now, Reason: why})
	return why
}

// Settled notes that the exchange's headers were written: over HTTP/2, its stream
// is open.
func (u *Use) Settled() {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	u.settle()
}

// settle is Settled. The host's mu is held.
func (u *Use) settle() {
	if u.firm || u.ended {
		return
	}
	u.firm = true
	u.host.unsettled--
	if u.holds {
		u.holds = false
		u.host.lower()
		return
	}
	u.host.stirred()
}

// unsettle takes that back: net/http tries once more. The host's mu is held.
func (u *Use) unsettle() {
	if u.firm {
		u.firm = false
		u.host.unsettled++
	}
}
