package pool

import (
	"context"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// lent counts slots whose requests do not need them now: other requests may have these
// slots meanwhile, if they would have to wait. So more requests than the limit may have a
// slot, but never do more need one. The queue's lock guards it.
//
// There are three kinds:
//
//   - over: the response has wholly arrived over HTTP/2. Its unread body keeps a buffer and
//     nothing else; the stream and the server are free.
//   - holders: a middleware has the request, and may make another one in the middle of it,
//     for a token say. That would wait for the slot of the request that waits for it, so it
//     goes first. It is recognized by its goroutine, and so is the request of a dialer, by
//     the goroutine that dials for a request with a slot. If its context shows it, or the
//     Pool stands below the middleware as well, it needs no slot at all: see layer.Begin.
//   - overdue: the request's context has ended, and the middleware does not return: perhaps
//     it waits for a request as above, on another goroutine. Nothing more is sent for the
//     request.
type lent struct {
	over    int
	overdue int // at the last look
	// holders are the requests that have a slot and wait for their response from a
	// foreign middleware, or from a base that is not net/http's, each with its context.
	holders map[*stack.Exchange]context.Context
}

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
		q.lent.overdue = max(q.lent.overdue-1, 0) // r may have been counted there
	}
}

// inside reports whether the request that asks for a slot is made in the middle of another
// one, and if so, how many calls of dialers and Proxy functions are under way for requests
// that have a slot: the request may come out of one of these calls. It is called only for a
// request that would have to wait, and with no lock held, for the connections' lock comes
// before the queue's. Middlewares says that some requests with a slot are in a middleware.
func (q *queue) inside(middlewares bool) (yes bool, calling int) {
	if !stack.Inside(middlewares) {
		return false, 0
	}
	return true, q.calling(q.host)
}

// lendOverdue lends the slots of holders whose context has ended. A context may be of the
// program's own type, so it is called with no lock held.
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

// streamsOver implements connpool.Options.StreamsOver: the number of exchanges with a host
// that have a slot, and whose stream is over, has changed by n.
func (p *Pool) streamsOver(key ledger.Key, n int) {
	h, _ := p.table.Get(key, key.Host)
	if h == nil {
		return // the key is a proxy's, whose connections serve any host
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

// calling returns how many calls of the program's dialers and Proxy functions are under way
// for connections that the Pool owns, to the given host, or to all if host is empty.
func (p *Pool) calling(host string) (n int) {
	for _, c := range p.bases.live() {
		if c.conns != nil {
			n += c.conns.Calling(host)
		}
	}
	return n
}

// stalled is called by a queue in which no slot has moved since the given time.
func (p *Pool) stalled(since time.Time) {
	p.bases.look()
	p.gc.run(since)
}
