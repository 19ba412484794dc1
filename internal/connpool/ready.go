package connpool

import (
	"context"
	"runtime"
	"time"
)

// brokeAtOnce reports whether c, which is new and can't be used, broke before any request
// used it. As with net/http, its request gets the error, or over HTTP/2 a bounded number of
// tries. Else a server that hangs up on each connection would be dialed for as long as the
// request lives.
func (c *Conn) brokeAtOnce() bool {
	return c.cc.Err() != nil || c.cc.Available() == 0 && c.cc.InFlight() == 0
}

// ready reports whether the exchange's request can be sent on c, which it was given. Over
// HTTP/1 net/http's reader must be waiting on the socket: then its buffer holds nothing that
// this request would take for its response. The reader is back there some microseconds after
// the end of the last body.
func (e *Entry) ready(ctx context.Context, c *Conn) bool {
	if e.tight {
		e.tight = false
		c.unreserved.Add(-1) // before Reserve: a count that is too low costs a try, one that is too high would have a request wait
		return c.cc.Reserve() == nil
	}
	if c.http2 || c.raw == nil || c.uses == 1 || c.raw.reading.Load() {
		return c.cc.Err() == nil
	}
	const yields = 100
	began := time.Time{}
	for i := 0; ; i++ {
		switch {
		case c.cc.Err() != nil:
			return false
		case c.raw.reading.Load():
			return true
		case i < yields:
			runtime.Gosched()
			continue
		case i == yields:
			began = time.Now()
		case time.Since(began) > readyMost, ctx.Err() != nil:
			return true // as net/http would; RoundTrip finds out if the context has ended
		}
		time.Sleep(readyStep)
	}
}

const (
	// readyMost is the most time for net/http's reader to come back to the socket, on a
	// machine that is too busy to run it, and readyStep the time between two looks.
	readyMost = 50 * time.Millisecond
	readyStep = 50 * time.Microsecond
)
