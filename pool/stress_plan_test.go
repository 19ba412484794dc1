package pool_test

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// ending is how a request's caller means it to end.
type ending int

const (
	readsAll    ending = iota
	closesEarly        // closes the body unread, or after some of it
	cancels            // cancels its context some time after the start
	cancelsBody        // cancels its context after some of the body
	timesOut           // has a deadline, its context's
	clientTime         // has a deadline, http.Client.Timeout
	patient            // reads all, with a deadline, its context's, that is for dead paths
)

// The kinds of requests, for the table: net/http treats each in its own way when the connection
// fails.
const (
	opGet      = "GET"
	opHead     = "HEAD"
	opPost     = "POST"      // with GetBody
	opPostOnce = "POST-once" // without
)

// plan is one request, by the seed: the same for every set-up.
type plan struct {
	id     uint64
	op     string
	upload int64 // bytes of the request's body
	sized  bool  // the request says so, else it is chunked
	size   int64 // bytes of the response's body
	ending ending
	part   float64       // of the body that is read before it is closed or canceled
	after  time.Duration // of the cancel or the deadline
	plain  bool          // the context can't be canceled, where the ending needs none
	gzip   bool          // both bodies are compressed
	pause  time.Duration // before the request
}

// newPlan returns the nth request of a worker.
func newPlan(seed uint64, worker, nth int, uploads bool) plan {
	p := plan{id: uint64(worker)<<32 | uint64(nth)}
	r := rand.New(rand.NewPCG(seed, p.id))
	switch n := r.IntN(100); {
	case n < 40:
		p.op = opGet
	case n < 50:
		p.op = opHead
	case n < 75:
		p.op = opPost
	default:
		p.op = opPostOnce
	}
	if p.op == opPost || p.op == opPostOnce {
		p.upload = sizeOf(r)
		if uploads && r.IntN(3) == 0 {
			p.upload = 100_000 + r.Int64N(500_000)
		}
	}
	p.sized = r.IntN(2) == 0
	p.size = sizeOf(r)
	switch n := r.IntN(100); {
	case n < 70:
		p.ending = readsAll
	case n < 82:
		p.ending = closesEarly
	case n < 90:
		p.ending = cancels
		p.after = time.Duration(r.Int64N(int64(3 * time.Millisecond)))
	case n < 94:
		p.ending = cancelsBody
	default:
		p.ending = timesOut
		if r.IntN(2) == 0 {
			p.ending = clientTime
		}
		p.after = time.Millisecond + time.Duration(r.Int64N(int64(15*time.Millisecond)))
	}
	p.part = max(0, 1.2*r.Float64()-.2) // one in six none of it
	p.plain = r.IntN(2) == 0
	if r.IntN(2) == 0 {
		p.pause = time.Duration(r.Int64N(int64(4 * time.Millisecond)))
	}
	return p
}

// sizeOf returns the size of a body: often 0, mostly small, one in 20 larger than the buffers on
// the way.
func sizeOf(r *rand.Rand) int64 {
	switch n := r.IntN(20); {
	case n < 3:
		return 0
	case n < 10:
		return 1 + r.Int64N(100)
	case n < 19:
		return 1 + r.Int64N(16<<10)
	default:
		return 1 + r.Int64N(128<<10)
	}
}

// own reports whether the caller itself ends the request: then the error of the caller's context
// is no failure.
func (p *plan) own() bool { return p.ending >= cancels }

func (p *plan) String() string {
	return fmt.Sprintf("%010x %s %d up, %d down, ending %d", p.id, p.op, p.upload, p.size, p.ending)
}
