package pooltest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/stack"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// AssertReused returns a Pool for the client or the transport that the SDK under test is
// given. When the test has ended it fails for every connection beyond maxConns to one
// host, with the request that needed it, the place where that was made, the reason, and
// the place of the request that cost an earlier one. The Pool limits nothing, and is closed
// after that.
//
// MaxConns is for each host by itself: 1 for an SDK that makes one request after the other,
// or as many as it makes at once.
func AssertReused(t testing.TB, maxConns int) *pool.Pool {
	t.Helper()
	p := pool.New(pool.Options{})
	t.Cleanup(func() { p.Close() })
	CheckReused(t, p, maxConns)
	return p
}

// CheckReused does the same for another Pool: the SDK's own, or that of AssertNoLeaks, for a
// test of both. Requests that began before this call do not count. It does not close the Pool,
// and no other test may use it meanwhile.
func CheckReused(t testing.TB, p *pool.Pool, maxConns int) {
	t.Helper()
	r := &requests{live: make(map[*stack.Exchange][]uintptr)}
	stop := r.watch(p)
	t.Cleanup(func() {
		t.Helper()
		settle(p)
		stop()
		for _, c := range tooMany(r.conns(), maxConns) {
			t.Error(c)
		}
	})
}

// newConn is a connection that was new to the request that got it; or several that differ only
// in the request's path and the moment.
type newConn struct {
	host, method, caller string
	reason               roundtripper.NewReason
	culprit              string // its caller

	path    string
	at      time.Time
	facts   *stack.NewConn
	n       int
	allowed int
}

// requests are the requests of a Pool, and the connections that were new to them.
type requests struct {
	mu    sync.Mutex
	live  map[*stack.Exchange][]uintptr // with the stack on which each was made
	ended []newConn
}

// watch has r told of the Pool's exchanges.
func (r *requests) watch(p *pool.Pool) (stop func()) {
	return stack.LayerOf(p.Middleware).(stack.Watched).Watch(&stack.Watcher{
		Began: func(x *stack.Exchange, callers []uintptr) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.live[x] = callers
		},
		Ended: func(x *stack.Exchange, _ *stack.Facts, _ []uintptr) {
			r.mu.Lock()
			defer r.mu.Unlock()
			callers, ok := r.live[x]
			if !ok {
				return // it is older than the check
			}
			delete(r.live, x)
			r.addLocked(x, callers)
		},
	})
}

func (r *requests) addLocked(x *stack.Exchange, callers []uintptr) {
	f := x.Facts()
	if f.New == nil {
		return
	}
	r.ended = append(r.ended, newConn{
		host: x.Host(), method: x.Method(), path: x.Path(), caller: callsite.Of(callers).Caller,
		reason: roundtripper.NewReason(f.New.Reason.String()), culprit: callsite.Of(f.New.Culprit.Stack).Caller,
		at: f.Start, facts: f.New, n: 1,
	})
}

// conns returns all connections so far, in the order in which their requests began. An exchange
// within another one of the Pool shares its connection's facts: the outer one counts, which
// began first.
func (r *requests) conns() []newConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	for x, callers := range r.live {
		r.addLocked(x, callers) // its body is still open
	}
	clear(r.live)
	slices.SortStableFunc(r.ended, func(a, b newConn) int { return a.at.Compare(b.at) })
	had := make(map[*stack.NewConn]bool)
	return slices.DeleteFunc(r.ended, func(c newConn) bool {
		again := had[c.facts]
		had[c.facts] = true
		return again
	})
}

// tooMany returns the connections to each host beyond the allowed number, one for each place.
// Connections that an earlier request or the server has cost come first, and connections that
// were needed because requests went out at once come last.
func tooMany(all []newConn, allowed int) []newConn {
	slices.SortStableFunc(all, func(a, b newConn) int {
		return cmp.Or(strings.Compare(a.host, b.host), rank(a.reason)-rank(b.reason))
	})
	var found []newConn
	var host string
	n := 0
	for _, c := range all {
		if c.host != host {
			host, n = c.host, 0
		}
		if n++; n <= allowed {
			continue
		}
		c.allowed = allowed
		if i := slices.IndexFunc(found, c.samePlace); i >= 0 {
			found[i].n++
			continue
		}
		found = append(found, c)
	}
	return found
}

func rank(r roundtripper.NewReason) int {
	switch r {
	case roundtripper.ReasonFirst:
		return 0
	case roundtripper.ReasonAllBusy:
		return 1
	}
	return 2
}

func (c newConn) samePlace(d newConn) bool {
	return c.host == d.host && c.method == d.method && c.caller == d.caller && c.reason == d.reason && c.culprit == d.culprit
}

// String has each place on a line of its own, in a form that editors find.
func (c newConn) String() string {
	var b strings.Builder
	b.WriteString("pooltest: ")
	if c.n > 1 {
		fmt.Fprintf(&b, "%d times: ", c.n)
	}
	fmt.Fprintf(&b, "a connection more than %d: for %s %s%s, by\n\t%s\n", c.allowed, cmp.Or(c.method, "GET"), c.host, c.path, c.caller)
	fmt.Fprintf(&b, "the reason: %s", c.reason)
	if c.culprit != "" {
		fmt.Fprintf(&b, ", by\n\t%s", c.culprit)
	}
	return b.String()
}
