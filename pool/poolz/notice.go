package poolz

import (
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

// notice writes down what has changed between two samples.
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
	var ofHosts [len(refusalWords)]uint64
	beside(before, now, func(i int, was *pool.HostStats, _ float64) {
		h := &now.stats.Hosts[i]
		if was == nil {
			was = new(pool.HostStats)
		}
		for i, n := range refusals(&h.Counters, &was.Counters) {
			tell(h.Host, eventRefused, refusalWords[i], n, 0)
			ofHosts[i] += n
		}
		tell(h.Host, eventSuspected, "", uint64(grown(h.Suspected, was.Suspected)), 0)
		for reason, n := range h.Lost {
			tell(h.Host, eventClosed, string(reason), uint64(grown(n, was.Lost[reason])), 0)
		}
		if h.ServerIdle > 0 && h.ServerIdle != was.ServerIdle {
			tell(h.Host, eventServerIdle, "", 1, h.ServerIdle)
		}
		if h.Rotates && !was.Rotates {
			tell(h.Host, eventRotates, "", 1, 0)
		}
	})
	for i, n := range refusals(&now.stats.Counters, &before.stats.Counters) {
		if n > ofHosts[i] { // by the limit of all hosts together
			tell("", eventRefused, refusalWords[i], n-ofHosts[i], 0)
		}
	}
}

var refusalWords = [...]string{"queue_full", "wait_timeout", "hopeless", "shed"}

// refusals are how many there were of each since then.
func refusals(now, then *pool.Counters) (n [len(refusalWords)]uint64) {
	for i, c := range [...][2]uint64{
		{now.QueueFull, then.QueueFull}, {now.WaitTimeouts, then.WaitTimeouts},
		{now.Hopeless, then.Hopeless}, {now.Shed, then.Shed},
	} {
		n[i] = uint64(grown(c[0], c[1]))
	}
	return n
}
