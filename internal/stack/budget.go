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
	// Budget says how far a body may be drained. Of several, the smallest wins,
	// each field by itself.
	Budget(x *Exchange, p DrainInput) Budget
}

// DrainInput is what a drain can rest its budget on.
type DrainInput struct {
	// Left is how much there is to read, in bytes on the wire; -1 if it is not
	// known.
	Left int64
	// TLS says that a new connection would need a handshake.
	TLS bool
	// Leaked says that no caller waits for the drain: LeakTime may pass.
	Leaked bool
	worth.Worth
}

// Budget bounds one drain. Without Bytes or Time nothing is drained.
type Budget struct {
	Bytes int64
	Time  time.Duration
	// Why says why nothing is to be drained.
	Why string
	// LeaveToNetHTTP says that what is not drained in time, or not at all, may be left to
	// net/http's own drain, and Free, of a body that is not to be drained, that what
	// is in net/http's buffer may be taken.
	LeaveToNetHTTP, TakeBuffered bool
	// CountsAsExperience says that it was for what is known of the host.
	CountsAsExperience bool
	// Remeasure says that nothing is drained only to see what a new connection
	// costs now.
	Remeasure bool
	// Cost is what a new connection was reckoned at.
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
	return Budget{Bytes: min(b.Bytes, c.Bytes), Time: min(b.Time, c.Time), Cost: max(b.Cost, c.Cost), LeaveToNetHTTP: b.LeaveToNetHTTP && c.LeaveToNetHTTP}
}

// budget is the smallest of the stack's drain layers, those below foreign
// middleware included; not ok if it has none of its own.
func (x *Exchange) budget(resp *http.Response, leaked bool) (b Budget, ok bool) {
	return x.budgetFor(DrainInput{Left: x.left(resp), TLS: x.request.target.key.Scheme == "https", Leaked: leaked})
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
