package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// kit is one set of the kit's layers, each with what it has to tell.
type kit struct {
	spans  *recorder
	tracer *trace.Tracer
	drain  *drain.Drainer
	pool   *pool.Pool

	mu      sync.Mutex
	callers map[string]int // leaks by the line that got the response
}

// newKit makes the layers; the first keep spans are kept, the others counted.
func newKit(o pool.Options, keep int) *kit {
	k := &kit{spans: newRecorder(keep), callers: make(map[string]int)}
	k.tracer = trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(k.spans)),
	})
	k.drain = drain.New(drain.Options{})
	o.OnLeak = k.leaked
	k.pool = pool.New(o)
	return k
}

// wrap is all that a program has to add.
func (k *kit) wrap(c *http.Client) *http.Client {
	return roundtripper.Client(c, k.tracer.Middleware, k.drain.Middleware, k.pool.Middleware)
}

func (k *kit) leaked(l pool.Leak) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.callers[l.Caller]++
}

func (k *kit) close() {
	k.pool.Close()
	k.drain.Close()
}

// facts is what the kit reported of a load.
type facts struct {
	callers map[string]int // leaks
	inUse   int            // slots
	reasons map[string]int // see recorder
	drains  drains
	broken  int // connections, for no reason that a request or the server gave
}

// drains are the bodies that were closed before their end.
type drains struct {
	done int // to the end, in time to keep the connection
	late int // not, because it would have taken too long, or took too long
}

func (k *kit) facts() facts {
	f := facts{callers: make(map[string]int), reasons: k.spans.counts()}
	stats := k.pool.Stats()
	for _, h := range stats.Hosts {
		f.inUse += h.InUse
	}
	f.broken = int(stats.Lost[roundtripper.ReasonConnError] + stats.Lost[roundtripper.ReasonUnknown])
	f.drains = drains{done: int(stats.Drained), late: int(stats.DrainTimedOut + stats.DrainSkipped)}
	k.mu.Lock()
	defer k.mu.Unlock()
	for caller, n := range k.callers {
		f.callers[caller] = n
	}
	return f
}

func (f facts) leaks() int {
	sum := 0
	for _, n := range f.callers {
		sum += n
	}
	return sum
}

// named is the number of spans that name one of the reasons.
func (f facts) named(reasons ...string) int {
	sum := 0
	for _, r := range reasons {
		sum += f.reasons[r]
	}
	return sum
}

// reasonList is the reasons as text, the most frequent first.
func (f facts) reasonList() string {
	if len(f.reasons) == 0 {
		return "nothing"
	}
	names := slices.SortedFunc(maps.Keys(f.reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.reasons[b], f.reasons[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, f.reasons[name])
	}
	return strings.Join(names, ", ")
}
