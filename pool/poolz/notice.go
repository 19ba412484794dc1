package poolz

import (
	"cmp"
	"time"

	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/stack"
	"github.com/warmconn/warmconn/pool"
)

// What an event may be. The page has a sentence for each, and JSON has the words.
const (
	eventNew        = "new_connection"     // a request got a new connection, though there had been others
	eventFailed     = "failed"             // a request failed, or was cancelled; the reason is the class of its error
	eventLeaked     = "leaked"             // a body was dropped without being closed
	eventSuspected  = "suspected"          // a body has been open for longer than LeakAfter
	eventRefused    = "refused"            // a limit refused requests
	eventClosed     = "connections_closed" // connections were closed
	eventServerIdle = "server_idle"        // for how long the server keeps idle connections was learned
	eventRotates    = "rotates"            // the answers to lookups rotate
	eventShut       = "pool_closed"
)

// ended is told of each exchange at its end, on the goroutine that ends it. Most have nothing
// to tell, and take no lock.
func (v *viewer) ended(x *stack.Exchange, f *stack.Facts, pcs []uintptr) {
	isNew := f.New != nil && f.New.Reason != loss.First
	bad := undrained(f)
	if !isNew && !bad && f.Err == nil && !f.Leaked {
		return
	}
	now := time.Now()
	e := event{method: x.Method(), path: x.Path(), stack: pcs}
	e.host = x.Host()
	if isNew {
		e := e
		e.what, e.reason, e.bySt = eventNew, f.New.Reason.String(), f.New.Culprit.Stack
		v.events.add(e, 1, now)
	}
	if f.Leaked {
		e := e
		e.what = eventLeaked
		v.events.add(e, 1, now)
	}
	if f.Err != nil {
		e.what, e.reason = eventFailed, errclass.Of(f.Err)
		v.events.add(e, 1, now)
	}
	if bad {
		v.bodies.add(x, f, pcs, now)
	}
}

// noticedMost is how many events one sample may bring: of 10^5 hosts that lose a connection
// each, no person reads more.
const noticedMost = 64

// notice writes down what has changed between two samples: first of the Pool itself, then what
// its hosts have had to bear and what was learned of them, then closed connections; of hosts with
// more traffic before others.
func (v *viewer) notice(before, now *sample) {
	left := noticedMost
	tell := func(host, what, reason string, n uint64, figure time.Duration) {
		if n == 0 || left == 0 {
			return
		}
		left--
		e := event{figure: figure}
		e.what, e.host, e.reason = what, host, reason
		v.events.add(e, n, now.at)
	}
	if now.closed && !before.closed {
		tell("", eventShut, "", 1, 0)
	}
	hosts, none := now.stats.Hosts, new(pool.HostStats)
	were := make([]*pool.HostStats, len(hosts))
	var ofHosts [len(refusalWords)]uint64
	beside(before, now, func(i int, was *pool.HostStats, _ float64) {
		were[i] = cmp.Or(was, none)
		for r, n := range refusals(&hosts[i].Counters, &were[i].Counters) {
			ofHosts[r] += n
		}
	})
	for r, n := range refusals(&now.stats.Counters, &before.stats.Counters) {
		if n > ofHosts[r] { // by the limit of all hosts together
			tell("", eventRefused, refusalWords[r], n-ofHosts[r], 0)
		}
	}
	each := func(f func(h, was *pool.HostStats)) {
		for _, i := range now.order {
			if left == 0 {
				return
			}
			f(&hosts[i], were[i])
		}
	}
	each(func(h, was *pool.HostStats) {
		for r, n := range refusals(&h.Counters, &was.Counters) {
			tell(h.Host, eventRefused, refusalWords[r], n, 0)
		}
		tell(h.Host, eventSuspected, "", grown(h.Suspected, was.Suspected), 0)
		if h.ServerIdle > 0 && h.ServerIdle != was.ServerIdle {
			tell(h.Host, eventServerIdle, "", 1, h.ServerIdle)
		}
		if h.Rotates && !was.Rotates {
			tell(h.Host, eventRotates, "", 1, 0)
		}
	})
	each(func(h, was *pool.HostStats) {
		for reason, n := range h.Lost { // those of a transport go when that is collected
			tell(h.Host, eventClosed, string(reason), risen(n, was.Lost[reason]), 0)
		}
	})
}

var refusalWords = [...]string{"queue_full", "wait_timeout", "hopeless", "shed"}

// refusals are how many there were of each since then.
func refusals(now, then *pool.Counters) (n [len(refusalWords)]uint64) {
	for i, c := range [...][2]uint64{
		{now.QueueFull, then.QueueFull}, {now.WaitTimeouts, then.WaitTimeouts},
		{now.Hopeless, then.Hopeless}, {now.Shed, then.Shed},
	} {
		n[i] = grown(c[0], c[1])
	}
	return n
}
