package pooltest

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/pool"
)

// AssertNoLeaks returns a Pool for the client or the transport that the SDK under
// test is given. When the test has ended it fails for every response body that
// came through the Pool and was not closed, with the place where the request was
// made. The Pool limits nothing, and is closed after that.
func AssertNoLeaks(t testing.TB) *pool.Pool {
	t.Helper()
	var found leaks
	p := pool.New(pool.Options{AlwaysCaller: true, OnLeak: found.add})
	t.Cleanup(func() {
		t.Helper()
		settle(p)
		found.wait(p)
		report(t, append(found.list(), open(p)...))
		p.Close()
	})
	return p
}

// CheckPool does the same for a Pool of the SDK's own, as far as it can. The Pool's OnLeak
// is the SDK's, so for bodies that were dropped since this call it reports only how many
// and to which host; and the same for bodies that are open, unless the Pool's Options have
// AlwaysCaller. It does not close the Pool, and no other test may use it meanwhile.
func CheckPool(t testing.TB, p *pool.Pool) {
	t.Helper()
	before := p.Stats()
	t.Cleanup(func() {
		t.Helper()
		settle(p)
		report(t, append(leaksSince(before, p.Stats()), open(p)...))
	})
}

// leaksSince returns how many bodies were dropped between two snapshots. A host may have been
// forgotten between them, and met again.
func leaksSince(before, after pool.Stats) []finding {
	had := make(map[string]uint64)
	for _, h := range before.Hosts {
		had[h.Host] = h.Leaks
	}
	var all []finding
	rest := int(after.Leaks - before.Leaks) // #nosec G115 -- a count of leaks
	for _, h := range after.Hosts {
		n := int(h.Leaks)                      // #nosec G115 -- a count of leaks
		if was := int(had[h.Host]); was <= n { // #nosec G115 -- a count of leaks
			n -= was
		}
		if n > 0 {
			all = append(all, finding{what: dropped, host: h.Host, n: n})
		}
		rest -= n
	}
	if rest > 0 {
		all = append(all, finding{what: dropped, host: "a host that the Pool has forgotten", n: rest})
	}
	return all
}

const (
	// patience is how long bodies that are in use may stay open
	// after the test.
	patience = time.Second
	// collections bounds how often the collector runs in that time.
	collections = 10
)

// settle waits until every body has ended, by itself or because the collector
// has found it, and gives up after patience.
func settle(p *pool.Pool) {
	began := time.Now()
	// The collector runs at once, soon again, and then ever later: a body that is
	// about to be closed needs time rather than a collection.
	next, step := began, time.Millisecond
	for n := 0; p.Stats().InUse > 0; time.Sleep(time.Millisecond) {
		now := time.Now()
		if now.Sub(began) > patience {
			return
		}
		if n < collections && !now.Before(next) {
			runtime.GC()
			n++
			next, step = now.Add(step), 2*step
		}
	}
}

// finding is a number of leaks that would be printed alike.
type finding struct {
	what, method, host, caller, inner string
	n                                 int
}

const (
	dropped    = "response body was dropped and never closed"
	stillOpen  = "response body is still open"
	unanswered = "request still waits for its response"
)

// open returns the requests that have not ended.
func open(p *pool.Pool) []finding {
	var all []finding
	listed := 0
	for _, r := range p.InFlight() {
		what := unanswered
		if r.Answered {
			what = stillOpen
		}
		listed++
		all = append(all, finding{what, r.Method, r.Host, r.Caller, r.Inner, 1})
	}
	if listed > 0 {
		return all
	}
	for _, h := range p.Stats().Hosts { // a Pool that does not track them
		if h.InUse > 0 {
			all = append(all, finding{what: stillOpen, host: h.Host, n: h.InUse})
		}
	}
	return all
}

// leaks are the leaks that OnLeak was told of.
type leaks struct {
	mu  sync.Mutex
	all []pool.Leak
}

func (l *leaks) add(leak pool.Leak) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, leak)
}

// wait waits until OnLeak was called for all leaks that the Pool has counted: a leak is counted
// before that, when its slot comes back.
func (l *leaks) wait(p *pool.Pool) {
	told := func() (n uint64) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, x := range l.all {
			if x.Transports == 0 {
				n++
			}
		}
		return n
	}
	for began := time.Now(); told() < p.Stats().Leaks && time.Since(began) < patience; {
		time.Sleep(time.Millisecond)
	}
}

func (l *leaks) list() []finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []finding
	for _, x := range l.all {
		if x.Transports > 0 {
			what := fmt.Sprintf("%d transports or more were made for a request or two each", x.Transports)
			all = append(all, finding{what: what, caller: x.Caller, inner: x.Inner, n: 1})
			continue
		}
		all = append(all, finding{dropped, x.Method, x.Host, x.Caller, x.Inner, 1})
	}
	return all
}

// report fails the test, with one message for each place.
func report(t testing.TB, all []finding) {
	t.Helper()
	slices.SortStableFunc(all, func(a, b finding) int {
		return cmp.Or(strings.Compare(a.caller, b.caller), strings.Compare(a.host, b.host),
			strings.Compare(a.method, b.method), strings.Compare(a.what, b.what), strings.Compare(a.inner, b.inner))
	})
	for i, f := range all {
		if i+1 < len(all) && f.same(all[i+1]) {
			all[i+1].n += f.n
			continue
		}
		t.Error(f)
	}
}

func (f finding) same(g finding) bool {
	f.n, g.n = 0, 0
	return f == g
}

// String returns a line for the kind of leak, and one for the place, in a form that editors
// find.
func (f finding) String() string {
	what := f.what
	switch {
	case f.method == "" && f.host == "": // transports, which count themselves
	case f.n == 1:
		what = "a " + what
	default:
		what = fmt.Sprintf("%d times: a %s", f.n, what)
	}
	s := "pooltest: " + what
	if f.host != "" {
		s += ": " + strings.TrimSpace(f.method+" "+f.host)
	}
	if f.caller != "" {
		s += ", by\n\t" + f.caller
	}
	if f.inner != "" { // an SDK's line
		s += ", in\n\t" + f.inner
	}
	return s
}
