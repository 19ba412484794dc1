package pool

import (
	"context"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// lent says which slots are held by requests that have no use for them, as far as
// others may have those meanwhile, and only if they would have to wait. The queue's
// lock guards it. So more than the limit may have a slot; but never do more use one.
//
// There are three kinds:
//
//   - over: the response has wholly arrived over HTTP/2. An unread body keeps nothing
//     but its own buffer; the stream and the server are free.
//   - A middleware has the request in its hands, and makes one of its own in the middle
//     of it, say for a token. That would wait for what waits for it, so it goes first.
//     If its context shows that, or the Pool stands below the middleware too, no slot is
//     asked for in the first place: see layer.Begin. Else its goroutine does. The same
//     goes for the request of a dialer, whose goroutine dials for one that has a slot.
//   - overdue: the context has ended, and the middleware does not return: perhaps it
//     waits for such a request on another goroutine. Nothing is sent for it any more.
type lent struct {
	over    int
	overdue int // as of the last look
	// holders are the requests that have a slot and wait for their response from
	// foreign middleware, or a base that is not net/http's, each with its
	// context.
	holders map[*stack.Exchange]context.Context
}

// busyLocked is how many slots are in use by requests that still need them.
func (q *queue) busyLocked() int { return q.inUse - q.lent.over - q.lent.overdue }

// fullLocked reports whether one more must wait.
func (q *queue) fullLocked() bool { return q.busyLocked() >= q.limit }

// hold notes that an exchange has a slot.
func (q *queue) hold(r *stack.Exchange) {
	if q.limit == 0 {
		return
	}
	ctx := r.Context()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lent.holders == nil {
		q.lent.holders = make(map[*stack.Exchange]context.Context)
	}
	q.lent.holders[r] = ctx
}

// letGo is for an exchange that has its response, or has failed: before its slot is released.
func (q *queue) letGo(r *stack.Exchange) {
	if q.limit == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, ok := q.lent.holders[r]; ok {
		delete(q.lent.holders, r)
		q.lent.overdue = max(q.lent.overdue-1, 0) // it may be one of those
	}
}

// inside reports whether the request that asks is made in the middle of another one,
// and if so, how many dialers and Proxy functions are called for those that have a
// slot: it may be one of these that asks. It is asked for a request that would have to wait, under no lock:
// that of the connections goes before the queue's. Middlewares says that some of those
// that have a slot are in one: that must be one of them, then, if it has a slot.
func (q *queue) inside(middlewares bool) (yes bool, calling int) {
	if !stack.Inside(middlewares) {
		return false, 0
	}
	return true, q.calling(q.host)
}

// lendOverdue lends the slots of those whose context has ended while they are in a
// middleware. It is the program's own context, so it is asked under no lock.
func (q *queue) lendOverdue(holders map[*stack.Exchange]context.Context) {
	for r, ctx := range holders {
		if ctx.Err() == nil {
			delete(holders, r)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for r := range holders {
		if _, ok := q.lent.holders[r]; ok {
			n++
		}
	}
	if q.line.len > 0 && n != q.lent.overdue {
		q.lendLocked(0, n-q.lent.overdue)
	}
}

// lendLocked changes how many slots are lent, and serves the requests that wait.
func (q *queue) lendLocked(over, overdue int) {
	if q.predict {
		q.holds.pass(time.Now(), q.busyLocked(), q.limit)
	}
	q.lent.over += over
	q.lent.overdue += overdue
	if q.line.len > 0 {
		q.serveLocked(time.Time{})
	}
}

// streamsOver implements connpool.Options.StreamsOver: of the exchanges with a host
// that have a slot, n more, or fewer, have no stream any more.
func (p *Pool) streamsOver(key ledger.Key, n int) {
	h, _ := p.table.Get(key, key.Host)
	if h == nil {
		return // a proxy's connections, which serve any host
	}
	for _, q := range [...]*queue{&h.queue, &p.total} {
		if q.limit == 0 {
			continue
		}
		q.mu.Lock()
		q.lendLocked(n, 0)
		q.mu.Unlock()
	}
}

// calling is how many calls of the program's dialers and Proxy functions are under way,
// over transports that the Pool owns, for that host or, if it is empty, for all.
func (p *Pool) calling(host string) (n int) {
	for _, c := range p.bases.live() {
		if c.conns != nil {
			n += c.conns.Calling(host)
		}
	}
	return n
}

// stalled is for a queue in which no slot has moved since then.
func (p *Pool) stalled(since time.Time) {
	p.bases.look()
	p.gc.run(since)
}
