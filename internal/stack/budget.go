package stack

import (
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/worth"
)

// Drainer is a Layer that drains bodies.
type Drainer interface {
	Layer
	// Drains is false for one that never drains anything.
	Drains() bool
	// Background is where drains go on after Close has returned; nil if Close
	// waits for them.
	Background() *Background
	// Budget says how far a body may be drained. Of several layers' Budgets the smallest
	// wins, each field by itself.
	Budget(x *Exchange, p DrainInput) Budget
}

// DrainInput are the facts by which a budget is chosen.
type DrainInput struct {
	// Left is how much of the body is left to read, in bytes on the wire; -1 if that is
	// not known.
	Left int64
	// TLS: a new connection would need a handshake.
	TLS bool
	// Leaked: no caller waits for the drain, which may take LeakTime.
	Leaked bool
	worth.Worth
}

// Budget bounds one drain. Without Bytes or Time nothing is drained.
type Budget struct {
	Bytes int64
	Time  time.Duration
	// Why is the reason if nothing is to be drained.
	Why string
	// LeaveToNetHTTP: the rest of a body that is not drained, or not in time, may be left to
	// net/http's own drain.
	LeaveToNetHTTP bool
	// MostTime is what a Close may take where the rest is left to net/http and a Read hangs.
	MostTime time.Duration
	// TakeBuffered: of a body that is not to be drained, the part in net/http's buffer may
	// be read.
	TakeBuffered bool
	// CountsAsExperience: that nothing is drained rests on the host's estimates, which are
	// told so.
	CountsAsExperience bool
	// Remeasure: nothing is drained only so that the cost of a new connection is measured
	// again.
	Remeasure bool
	// Cost is the estimated cost of a new connection.
	Cost time.Duration
}

func (b Budget) none() bool { return b.Bytes <= 0 || b.Time <= 0 }

func (b Budget) min(c Budget) Budget {
	switch {
	case b.none():
		return b
	case c.none():
		return c
	}
	return Budget{Bytes: min(b.Bytes, c.Bytes), Time: min(b.Time, c.Time), Cost: max(b.Cost, c.Cost), LeaveToNetHTTP: b.LeaveToNetHTTP && c.LeaveToNetHTTP, MostTime: min(b.MostTime, c.MostTime)}
}

// budget is the smallest Budget of the stack's drain layers, and of the ones below foreign
// middleware; not ok if the stack itself has no drain layer.
func (x *Exchange) budget(resp *http.Response, leaked bool) (b Budget, ok bool) {
	return x.budgetFor(DrainInput{Left: x.left(resp), TLS: x.request.target.Key.Scheme == "https", Leaked: leaked})
}

func (x *Exchange) budgetFor(p DrainInput) (b Budget, ok bool) {
	p.Worth = x.conn.Worth(p.Left < 0)
	for _, part := range x.pipe.layers {
		if d, is := part.(Drainer); is {
			c := d.Budget(x, p)
			if ok {
				c = b.min(c)
			}
			b, ok = c, true
		}
	}
	if below := x.ownBelow(); ok && len(below) > 0 {
		if c, drains := below[0].budgetFor(p); drains {
			b = b.min(c)
		}
	}
	return b, ok
}

// left is how much of the body there is to read, in bytes on the wire; -1 if it is not
// known.
func (x *Exchange) left(resp *http.Response) int64 {
	if resp.ContentLength < 0 {
		return -1
	}
	return max(resp.ContentLength-x.body.onWire(), 0)
}
