package pool

import (
	"runtime"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/record"
)

// Leak is a response body that was dropped without being closed. The collector
// has proved that nobody could close it any more; its slot is free again, and
// its connection is, too, or was closed.
type Leak struct {
	// Host is scheme, name and port.
	Host string
	// Method is the request's.
	Method string
	// Caller is where the request was made, outside of net/http and the kit, as
	// "file:line function". It is taken for the first requests to each host,
	// for every one once the host has leaked, and for a sample of the others;
	// empty where it was not.
	Caller string
	// Age is how long ago the request was made.
	Age time.Duration
}

func leakOf(f record.Facts, stack []uintptr) Leak {
	return Leak{Host: f.Host, Method: f.Method, Caller: callsite.Of(stack), Age: f.Duration}
}

// A stack costs more than all the rest that the pool does for a request. So it
// is taken for the first ones, of which a program that leaks at every request
// will leak some; for every one after that; and for one in callEvery.
const (
	callFirst = 512
	callEvery = 64
)

// taken is a slot whose request's stack was taken.
type taken struct {
	host *host
	n    int
	pcs  [callsite.Depth]uintptr
}

func (t *taken) stack() []uintptr { return t.pcs[:t.n] }

// callsite takes the caller's stack if it is this request's turn.
func (h *host) callsite() *taken {
	q := &h.queue
	q.mu.Lock()
	turn := q.requests <= callFirst || q.requests%callEvery == 0 || q.leaks > 0
	q.mu.Unlock()
	if !turn {
		return nil
	}
	t := &taken{host: h}
	t.n = callsite.Take(t.pcs[:])
	return t
}

func (h *host) leaked() {
	h.queue.mu.Lock()
	h.queue.leaks++
	h.queue.mu.Unlock()
}

// collector runs the garbage collector when requests have stalled behind old
// slots: forgotten bodies may hold them, nothing allocates while everybody
// waits, and so no collection would come by itself.
type collector struct {
	mu      sync.Mutex
	running bool
	next    time.Time
}

// A collection is run at most every gcEvery, and at most for a twentieth of the
// time.
const (
	gcEvery = 500 * time.Millisecond
	gcShare = 20
)

// run starts a collection, on a goroutine that ends with it, if one is due.
func (c *collector) run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running || time.Now().Before(c.next) {
		return
	}
	c.running = true
	go func() {
		began := time.Now()
		runtime.GC()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.running = false
		now := time.Now()
		c.next = now.Add(max(gcEvery, gcShare*now.Sub(began)))
	}()
}
