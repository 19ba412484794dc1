package pool

import (
	"time"

	"github.com/warmconn/warmconn/internal/stack"
)

// Counters are what happened to requests since New.
type Counters struct {
	// Requests is how many were sent, or are about to be.
	Requests uint64
	// Waits is how many waits for a slot have ended, whatever came of it, and
	// WaitTime how long they took in all. A request may wait for a slot of its
	// host, and then for one of all.
	Waits    uint64
	WaitTime time.Duration

	// QueueFull counts refusals by MaxWaiting, WaitTimeouts those by WaitTimeout and
	// for ErrDeadlock, Hopeless those by RefuseHopeless, which WaitTimeouts does not,
	// and Shed those by ShedTarget.
	QueueFull, WaitTimeouts, Hopeless, Shed uint64
	// WaitsCanceled is how many requests left the queue with their context, or
	// their Request.Cancel.
	WaitsCanceled uint64

	// Leaks is how many bodies were dropped without being closed.
	Leaks uint64
	// Suspected is how many were open for longer than LeakAfter.
	Suspected uint64

	// Of bodies that were closed before their end, Drained is how many were read
	// to it in time to keep the connection. GaveUp and DrainTimedOut are how
	// many came to a limit of bytes or time, and DrainSkipped how many were not
	// tried: see roundtripper.Exchange. They are zero in a stack without drain.
	Drained, GaveUp, DrainTimedOut, DrainSkipped uint64
	// BytesDrained and DrainTime are what the drains took, those of dropped
	// bodies too; bytes as the layer read them.
	BytesDrained uint64
	DrainTime    time.Duration
}

// add adds up.
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

// ended counts how an exchange's body did, if there is anything to count.
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
		c.BytesDrained += uint64(d.Bytes)
		c.DrainTime += d.Time
	}
}
