package main

import (
	"context"
	"sync"
	"time"

	"github.com/warmconn/warmconn/roundtripper"
)

// tally adds the exchanges' own facts up, by host, and by host and reason.
type tally struct {
	mu       sync.Mutex
	requests map[string]float64
	reasons  map[[2]string]float64
	queued   map[string]float64 // seconds
	forConn  map[string]float64 // those of them that were waits for a connection
	waits    map[string]float64
}

func newTally() *tally {
	return &tally{requests: map[string]float64{}, reasons: map[[2]string]float64{}, queued: map[string]float64{}, forConn: map[string]float64{}, waits: map[string]float64{}}
}

// observe is a layer that listens.
func (y *tally) observe() roundtripper.Middleware {
	return roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		y.mu.Lock()
		defer y.mu.Unlock()
		y.requests[e.Host]++
		if e.NewReason != "" {
			y.reasons[[2]string{e.Host, string(e.NewReason)}]++
		}
		// A shorter wait for a connection is net/http's own work, as package trace says.
		queued := e.PoolWait
		if e.ConnWait >= 100*time.Microsecond && !e.WasIdle {
			queued += e.ConnWait
			y.forConn[e.Host] += e.ConnWait.Seconds()
		}
		if queued > 0 {
			y.queued[e.Host] += queued.Seconds()
			y.waits[e.Host]++
		}
	}})
}
