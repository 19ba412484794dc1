package pool

import (
	"cmp"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
)

// Leak is something that a program has forgotten. Which of three it is, the
// fields say:
//
//   - A response body that was dropped without being closed: the collector has
//     proved that no code could close it any more. Its slot is free again, and its
//     connection is, too, or was closed.
//   - A response body that is suspected: see Suspected.
//   - Transports that are made for a request or two each: see Transports.
type Leak struct {
	// Host is scheme, name and port; empty for Transports.
	Host string
	// Method is the request's; empty for Transports.
	Method string
	// Caller is where the program made the request, as "file:line function": the first
	// line in its main module, or Inner's where none is on the stack, as in a goroutine
	// of an SDK's, or the binary does not say which module that is. In a test it is the
	// module under test. It is taken for the first
	// requests to each host, of which a sample if the Pool has met hundreds of
	// hosts and no leak; for every one once the host has leaked, and for a sample
	// of the others, or for all by Options.AlwaysCaller; empty where it was not. For Transports, it is where they were made.
	Caller string
	// Inner is the line that called for the request, if that is not Caller: the first outside
	// of net/http and the kit, an SDK's say. Middlewares of others that stand between an
	// http.Client and the Pool are passed over. Frames has all.
	Inner string
	// Age is how long ago the request was made, or the first of Transports.
	Age time.Duration
	// Suspected says that the body may be in use: it was only open for longer
	// than Options.LeakAfter. It is reported once so, and once more without
	// Suspected if the collector finds it dropped.
	Suspected bool
	// Transports, if not zero, is how many short-lived transports were found
	// that were made at Caller within a minute, 20 or more: by Middleware over
	// a new *http.Transport each, by Transport or by Client. Short-lived are
	// those that were dropped, and those that have served one or two requests,
	// to the same host as the others, and are at rest for now: also clients of
	// many tenants that have hardly begun. Each has a pool of connections to
	// itself. Each innermost line is reported once, and not all transports made
	// there are looked at.
	Transports int

	stack *[]uintptr // a pointer, for a Leak can be compared
}

// Frames returns the stack that Caller and Inner were found in, the innermost first,
// the kit's and net/http's included, to a depth of 256; nil where it was not taken. It costs some
// µs.
func (l Leak) Frames() []runtime.Frame { return framesOf(l.stack) }

func framesOf(stack *[]uintptr) []runtime.Frame {
	if stack == nil {
		return nil
	}
	return callsite.Frames(*stack)
}

func leakOf(host, method string, age time.Duration, stack []uintptr) Leak {
	at := callsite.Of(stack)
	return Leak{Host: host, Method: cmp.Or(method, http.MethodGet), Caller: at.Caller, Inner: at.Inner, Age: age, stack: cloned(stack)}
}

// cloned is a copy, which does not keep the inFlight that the stack is part of.
func cloned(stack []uintptr) *[]uintptr {
	if stack == nil {
		return nil
	}
	c := slices.Clone(stack)
	return &c
}

// leaked is a function of its own so that End does not allocate.
func (p *Pool) leaked(host, method string, age time.Duration, stack []uintptr) {
	p.opts.OnLeak(leakOf(host, method, age, stack))
}

// A stack costs more than all the rest that the pool does for a request. So it
// is taken for the first ones, of which a program that leaks at every request
// will leak some; for every one after that; and for one in callEvery.
const (
	callFirst = 512
	callEvery = 64
)

// takesStackLocked says whether it is the turn of the request that was just given a slot.
func (q *queue) takesStackLocked() bool {
	switch {
	case q.n.Leaks > 0, q.n.Suspected > 0, q.n.Requests%callEvery == 0:
		return true
	case q.n.Requests > callFirst:
		return false
	}
	return q.crowd == nil || q.crowd.takesStack()
}

// crowd are the hosts of a Pool that has many: of a crawler each request may be the
// first to a host, and all would have their stack taken. So among the first ones to
// all of them, it is one in callEvery; and each once a body was leaked.
type crowd struct {
	hosts  atomic.Int64 // that were met
	asked  atomic.Uint64
	leaked atomic.Bool
}

// crowdFrom is how many hosts are not a crowd.
const crowdFrom = 512

// join returns the crowd that a new host belongs to, nil if none.
func (c *crowd) join() *crowd {
	if c.hosts.Add(1) <= crowdFrom {
		return nil
	}
	return c
}

func (c *crowd) takesStack() bool {
	return c.leaked.Load() || c.asked.Add(1)%callEvery == 0
}

// collector runs the garbage collector when requests have stalled behind old
// slots: forgotten bodies may hold them, nothing allocates while everybody
// waits, and so no collection would come by itself. The limits on it are each
// Pool's own: several in one program may run as many collections.
type collector struct {
	collect func() // nil: runtime.GC

	mu      sync.Mutex
	running bool
	ended   time.Time     // the last one
	took    time.Duration // and how long
}

// A collection is run at most every gcEvery, at most for a twentieth of the time, and
// as rarely as a twentieth of the time for which nothing has moved: what has not helped
// for long will hardly help soon.
const (
	gcEvery = 500 * time.Millisecond
	gcShare = 20
)

// run starts a collection, on a goroutine that ends with it, if one is due where
// requests have stalled since then.
func (c *collector) run(since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.running || now.Sub(c.ended) < max(gcEvery, gcShare*c.took, now.Sub(since)/gcShare) {
		return
	}
	c.running = true
	go func() {
		began := time.Now()
		if c.collect != nil {
			c.collect()
		} else {
			runtime.GC()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.running = false
		c.ended = time.Now()
		c.took = c.ended.Sub(began)
	}()
}
