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
	"github.com/warmconn/warmconn/internal/word"
)

// Leak is something that a program has forgotten: one of three things, which the fields
// tell apart.
//
//   - A response body that was dropped without being closed: the collector has
//     proved that no code could close it any more. Its slot is free again, and its
//     connection is, too, or was closed.
//   - A response body that is suspected: see Suspected.
//   - Transports that are made for a request or two each: see Transports.
type Leak struct {
	// Host is scheme, name and port; empty for Transports.
	Host string
	// Method is the request's; of one that is long or not printable, a short word. Empty
	// for Transports.
	Method string
	// Caller is where the program made the request, as "file:line function": the innermost
	// line in its main module, which in a test is the module under test. If no such line is
	// on the stack, as on a goroutine of an SDK's, or the binary does not name its module,
	// it is the line that Inner describes. For Transports it is where they were made.
	//
	// It is empty if the request's stack was not taken. Stacks are taken of
	//
	//   - every request, with Options.AlwaysCaller;
	//   - every request to a host that has leaked;
	//   - the first requests to each host, or a sample of these once the Pool has met
	//     hundreds of hosts and no leak;
	//   - a few requests, after one whose stack was not taken has cost a connection;
	//   - a sample of all others.
	Caller string
	// Inner is the line that made the request, if that is not Caller: the innermost outside
	// of net/http and the kit, an SDK's say. Foreign middlewares between an http.Client and
	// the Pool are passed over. Frames has all.
	Inner string
	// Age is how long ago the request was made, or the first of Transports.
	Age time.Duration
	// Suspected says that the body may be in use: it was only open for longer
	// than Options.LeakAfter. It is reported once so, and once more without
	// Suspected if the collector finds it dropped.
	Suspected bool
	// Transports, if not zero, is the number of short-lived transports that were made at
	// Caller within a minute, 20 or more: by Middleware over a new *http.Transport each,
	// by Transport or by Client. Each has a pool of connections to itself. Short-lived is
	// a transport that was dropped; and one that has served one or two requests, to the
	// same host as the others, and is at rest for now, as also the clients of many tenants
	// are that have hardly begun. Each innermost line is reported once, and not all
	// transports made there are looked at.
	Transports int

	stack *[]uintptr // a pointer, for a Leak can be compared
}

// Frames returns the stack on which Caller and Inner were found, the innermost frame first,
// the kit's and net/http's included, to a depth of 256; nil if it was not taken. It costs
// some µs.
func (l Leak) Frames() []runtime.Frame { return framesOf(l.stack) }

func framesOf(stack *[]uintptr) []runtime.Frame {
	if stack == nil {
		return nil
	}
	return callsite.Frames(*stack)
}

func leakOf(host, method string, age time.Duration, stack []uintptr) Leak {
	at := callsite.Of(stack)
	return Leak{Host: host, Method: methodWord(method), Caller: at.Caller, Inner: at.Inner, Age: age, stack: cloned(stack)}
}

// methodWord is a request's method to be shown.
func methodWord(method string) string { return word.Of(cmp.Or(method, http.MethodGet)) }

// cloned returns a copy, which does not keep the inFlight that the stack is part of.
func cloned(stack []uintptr) *[]uintptr {
	if stack == nil {
		return nil
	}
	c := slices.Clone(stack)
	return &c
}

// leaked is a function of its own so that layer.End does not allocate.
func (p *Pool) leaked(host, method string, age time.Duration, stack []uintptr) {
	p.opts.OnLeak(leakOf(host, method, age, stack))
}

// To take a stack costs more than all else that the pool does for a request. So stacks are
// taken of a host's first callFirst requests, for a program that leaks at every request
// leaks some of these; of every request once one has leaked; of one in callEvery; and of some
// after a connection was lost.
const (
	callFirst = 512
	callEvery = 64
	// callAfterLoss is how many are taken after a connection was lost by a request whose
	// stack was not: what costs a connection again and again is found, and takes far longer.
	callAfterLoss = 8
)

// takesStackLocked reports whether the stack of the request that was just given a slot is
// to be taken.
func (q *queue) takesStackLocked() bool {
	switch {
	case q.n.Leaks > 0, q.n.Suspected > 0, q.n.Requests%callEvery == 0:
		return true
	case q.unplaced > 0:
		q.unplaced--
		return true
	case q.n.Requests > callFirst:
		return false
	}
	return q.crowd == nil || q.crowd.takesStack()
}

// crowd is the hosts of a Pool beyond the first crowdFrom. Each request of a crawler may be
// the first to its host, and all would have their stack taken. So of the first requests to
// the hosts of a crowd one in callEvery has; and all once a body was leaked.
type crowd struct {
	hosts  atomic.Int64 // met so far
	asked  atomic.Uint64
	leaked atomic.Bool
}

// crowdFrom is the number of hosts that are not part of the crowd.
const crowdFrom = 512

// join returns the crowd for a new host; nil if the host is one of the first crowdFrom.
func (c *crowd) join() *crowd {
	if c.hosts.Add(1) <= crowdFrom {
		return nil
	}
	return c
}

func (c *crowd) takesStack() bool {
	return c.leaked.Load() || c.asked.Add(1)%callEvery == 0
}

// collector runs the garbage collector when all slots are taken and none has moved for a
// while: leaked bodies may hold them. While all requests wait nothing allocates, so no
// collection would come by itself. Its limits are each Pool's own: two Pools in one program
// may run twice as many collections.
type collector struct {
	collect func() // nil: runtime.GC

	mu      sync.Mutex
	running bool
	ended   time.Time     // when the last collection ended
	took    time.Duration // how long it took
}

// After a collection, the next one waits for the longest of
//
//   - gcEvery;
//   - gcShare times as long as the collection took: so collections take at most a twentieth
//     of the time;
//   - a twentieth of the time for which no slot has moved: collections that have not helped
//     for long will hardly help soon.
const (
	gcEvery = 500 * time.Millisecond
	gcShare = 20
)

// run starts a collection if one is due, on a goroutine that ends with it. Since is when a
// slot moved last.
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
