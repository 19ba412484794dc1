package pool

import (
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// Counters count what happened to requests since New.
type Counters struct {
	// Requests counts requests that were sent, or are about to be.
	Requests uint64
	// Waits counts the waits for a slot that have ended, with or without one, and WaitTime
	// is how long they took in all. A request may wait for a slot of its host, and then for
	// one under MaxTotal.
	Waits    uint64
	WaitTime time.Duration

	// These count refused requests: QueueFull by MaxWaiting, WaitTimeouts by WaitTimeout
	// and with ErrDeadlock, Hopeless by RefuseHopeless (not in WaitTimeouts as well), and
	// Shed by ShedTarget.
	QueueFull, WaitTimeouts, Hopeless, Shed uint64
	// WaitsCanceled counts requests whose context, or Request.Cancel, ended while they
	// waited in a queue.
	WaitsCanceled uint64

	// Leaks counts bodies that were dropped without being closed.
	Leaks uint64
	// Suspected counts bodies that were open for longer than LeakAfter.
	Suspected uint64

	// These count bodies that were closed before their end. Drained were read to the end
	// in time to keep the connection. GaveUp and DrainTimedOut came to a limit of bytes or
	// time, and DrainSkipped were not tried: see roundtripper.Exchange. They are zero in a
	// stack without drain.
	Drained, GaveUp, DrainTimedOut, DrainSkipped uint64
	// BytesDrained and DrainTime are the cost of the drains, of dropped bodies too; bytes
	// as the layer read them.
	BytesDrained uint64
	DrainTime    time.Duration
}

// add adds d to c.
func (c *Counters) add(d *Counters) {
	c.Requests += d.Requests
	c.Waits += d.Waits
	c.WaitTime += d.WaitTime
	c.QueueFull += d.QueueFull
	c.WaitTimeouts += d.WaitTimeouts
	c.Hopeless += d.Hopeless
	c.Shed += d.Shed
	c.WaitsCanceled += d.WaitsCanceled
	c.Leaks += d.Leaks
	c.Suspected += d.Suspected
	c.Drained += d.Drained
	c.GaveUp += d.GaveUp
	c.DrainTimedOut += d.DrainTimedOut
	c.DrainSkipped += d.DrainSkipped
	c.BytesDrained += d.BytesDrained
	c.DrainTime += d.DrainTime
}

// ended counts what became of an exchange's body.
func (c *Counters) ended(f *stack.Facts) {
	switch f.Outcome {
	case stack.OutcomeDrained:
		c.Drained++
	case stack.OutcomeGaveUp:
		c.GaveUp++
	case stack.OutcomeTimedOut:
		c.DrainTimedOut++
	case stack.OutcomeSkipped:
		c.DrainSkipped++
	case stack.OutcomeLeaked:
		c.Leaks++
	}
	if d := f.Drain; d != nil {
		c.BytesDrained += uint64(d.Bytes) // #nosec G115 -- bytes that were read are not below 0
		c.DrainTime += d.Time
	}
}

// reasons count by reason.
type reasons []ledger.Count

func (rs *reasons) add(r ledger.Reason, n uint64) {
	for i := range *rs {
		if c := &(*rs)[i]; c.Reason == r {
			c.N += n
			return
		}
	}
	*rs = append(*rs, ledger.Count{Reason: r, N: n})
}
