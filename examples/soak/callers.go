package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// manner is how a caller treats a request.
type manner int

const (
	reads     manner = iota // reads all, and closes
	unread                  // closes the body unread
	half                    // closes it after half of it
	cancels                 // cancels its context some time after the start
	hurries                 // has a short deadline
	forgets                 // never closes the body
	postsOnce               // reads all; its body can't be sent again
)

// plan is one request. Both variants send it.
type plan struct {
	host         int
	id           uint64
	manner       manner
	upload, size int64
	after        time.Duration // of the cancel or the short deadline
	pause        time.Duration // before it
}

const (
	// plans is after how many a caller begins again: the servers remember each ID.
	plans = 2048
	// waits is the deadline of requests that have no short one. Those to good servers have the
	// longer one: they fail at no deadline unless the machine stops for as long.
	waits, waitsForGood = 2 * time.Second, 20 * time.Second
	// forgetEvery is after how many requests a caller forgets a body: rarely, because with bare
	// net/http each costs a connection for good.
	forgetEvery = 1500
)

// newPlan returns the nth request of a caller, by the seed, to one of so many hosts.
func newPlan(caller, nth, hosts int) plan {
	p := plan{id: uint64(caller)<<32 | uint64(nth%plans)}
	r := rand.New(rand.NewPCG(seed, p.id))
	p.host = r.IntN(hosts)
	switch n := r.IntN(100); {
	case n < 60:
		p.manner = reads
	case n < 68:
		p.manner = postsOnce
	case n < 80:
		p.manner = unread
	case n < 88:
		p.manner = half
	case n < 94:
		p.manner = cancels
		p.after = time.Duration(r.Int64N(int64(5 * time.Millisecond)))
	default:
		p.manner = hurries
		p.after = time.Duration(1+r.IntN(20)) * time.Millisecond
	}
	if nth%forgetEvery == 20+caller {
		p.manner, p.host = forgets, 0
	}
	p.size = 1 + r.Int64N(8<<10)
	if r.IntN(30) == 0 {
		p.size = 1 + r.Int64N(256<<10)
	}
	if p.manner == postsOnce || r.IntN(4) == 0 {
		p.upload = 1 + r.Int64N(8<<10)
	}
	p.pause = time.Duration(r.Int64N(int64(20 * time.Millisecond)))
	return p
}

// own says that the caller itself may end the request: an error of its context is no failure.
func (p *plan) own() bool { return p.manner == cancels || p.manner == hurries }

// callAll sends until ctx ends, through all variants: each caller sends the same request by
// each of them, one after the other, and takes turns at which is first.
func callAll(ctx context.Context, callers int, all []*variant) {
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			pause := time.NewTimer(0)
			defer pause.Stop()
			for nth := 0; ; nth++ {
				p := newPlan(caller, nth, len(all[0].servers))
				pause.Reset(p.pause)
				select {
				case <-pause.C:
				case <-ctx.Done():
					return
				}
				for i := range all {
					all[(i+nth)%len(all)].send(&p)
				}
			}
		})
	}
	wait.Wait()
}
