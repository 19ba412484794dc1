// Package stack keeps what is known of one exchange, one RoundTrip of the
// base, for all adjacent layers of a stack: gathered once, by one derived
// context, one ClientTrace and one body.
//
// What holds what is the heart of it. There are two allocations. An Exchange,
// with the request that goes down and the hooks, is within reach of net/http
// and of contexts. A Body, with the copy of the response that the caller gets,
// is reachable from the caller alone: when the collector finds it, nobody can
// read or close that body any more. An Exchange must therefore never point to a
// Body, of its own or of a stack further down, nor to a Stack.
//
// Where the kit owns the connections it needs neither the derived context nor most
// of the hooks: see owned.go. Tried instead of that context elsewhere, and not
// taken: one of our own that can be cancelled saves no allocation over net/http's
// transport where the caller's can end, for net/http makes them up again. Over other
// bases the one of package context is made only if somebody looks for its end.
package stack

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Exchange is one exchange, in groups of fields that each have an owner. It is most of
// what a stack allocates for a request, so its size counts, and is pinned by a test: what
// few exchanges need is elsewhere.
type Exchange struct {
	pipe    *pipeline
	request request // the caller's
	nest    nesting // exchanges around this one, and inside of it
	layers  begun
	down    derived // what goes down

	// conn is the exchange's entry where connections are kept: one of the two that
	// follow. Observed is for a connection that is somebody else's, entry for one that
	// is the kit's own.
	conn     connBook
	observed ledger.Entry
	entry    connpool.Entry

	body bodyState

	// mu guards what hooks and the end share, from net/http's goroutines and the
	// caller's: facts, wire, and what nesting says is under it. It is taken behind an
	// outer exchange's mu, and before body.mu, an inner exchange's, and a host's. Nothing
	// waits under it.
	mu    sync.Mutex
	facts Facts
	wire  wire
}

// request is what is read of the caller's request. The caller may change it once
// RoundTrip has failed, or the body was closed or dropped: what dials, hooks and the end
// need of it is here.
type request struct {
	orig    *http.Request
	target  *Target
	path    string
	ctx     context.Context // the caller's, with what the layers added; ends with that. See parentCtx
	header  http.Header     // the layers' own map, nil until one asks
	close   bool            // the request asks for the end of its connection
	hasBody bool            // it has one
	gzip    bool            // the kit has asked for gzip, and must decompress
}

// begun are the layers whose Begin has not failed, and the states that they returned.
type begun struct {
	states [4]any
	more   *[]any // states beyond four
	n      uint8
}

func (b *begun) add(state any) {
	switch {
	case int(b.n) < len(b.states):
		b.states[b.n] = state
	case b.more == nil:
		b.more = &[]any{state}
	default:
		*b.more = append(*b.more, state)
	}
	b.n++
}

func (b *begun) state(i int) any {
	if i < len(b.states) {
		return b.states[i]
	}
	return (*b.more)[i-len(b.states)]
}

// derived is what goes down in the place of the caller's request.
type derived struct {
	ctx        context.Context        // see cancelable
	trace      httptrace.ClientTrace  // see hooks
	hooks      *httptrace.ClientTrace // the caller's, which those of trace call
	req        http.Request
	stop       context.CancelFunc // of ctx
	detachable *detachable        // nil if no drain may go on after Close
	dial       *dialTimes         // nil if no dial was expected
	made       atomic.Uint32      // hooksMade, ctxMade, canceled, atLast
	sent       bool               // it was made, and given to the base
	detached   bool               // it goes on whatever the caller does: see closeLater; the closing goroutine's
}

// open starts an exchange.
func open(ln *pipeline, req *http.Request) *Exchange {
	r := &Exchange{pipe: ln}
	r.request = request{orig: req, target: ln.targets.Of(ledger.KeyOf(req.URL), newTarget), ctx: req.Context()}
	r.conn = &r.observed
	if ln.owned != nil && connpool.Takes(req) {
		r.conn = &r.entry
	}
	r.request.close = saysClose(req)
	if req.URL != nil {
		r.request.path = req.URL.Path
	}
	r.facts.Start = time.Now()
	r.facts.Method = req.Method
	r.request.hasBody = req.Body != nil && req.Body != http.NoBody
	r.wire.wrote = !r.request.hasBody || !ln.overNetHTTP // until hooks say otherwise
	r.link()
	return r
}

// elapsed is the time since the start. It takes half of what time.Now does.
func (x *Exchange) elapsed() time.Duration { return time.Since(x.facts.Start) }

func (x *Exchange) now() time.Time { return x.facts.Start.Add(x.elapsed()) }

// begin runs the layers down to the first that refuses.
func (x *Exchange) begin() error {
	for _, p := range x.pipe.layers {
		st, err := p.Begin(x)
		if err != nil {
			return err
		}
		x.layers.add(st)
	}
	return nil
}

// derive makes the request that goes down.
func (x *Exchange) derive() *http.Request {
	if x.pipe.gzips != nil {
		x.askGzip()
	}
	x.observed.Owner, x.observed.Close, x.observed.BehindMiddleware = x, x.request.close, !x.pipe.ownsHeader
	x.enter()
	x.publish()
	if x.observed.MayDial(x.pipe.overNetHTTP) {
		x.timeDial()
	}
	if x.pipe.traceKey == nil {
		x.bind(nil)
		ctx := httptrace.WithClientTrace(x.parentCtx(), &x.down.trace)
		if x.down.dial == nil {
			x.down.dial = new(dialTimes)
		}
		x.down.dial.ctx = ctx
	}
	if x.pipe.drainsInBackground && x.request.ctx.Err() == nil {
		x.down.detachable, x.down.ctx, x.down.stop = deriveDetachable(x.parentCtx())
		x.down.made.Or(ctxMade)
	}
	x.down.req = *x.request.orig.WithContext((*exchangeCtx)(x))
	if x.request.header != nil && x.request.orig.Header != nil { // net/http refuses a request without one
		x.down.req.Header = x.request.header
	}
	x.down.sent = true
	return &x.down.req
}

// respond makes the response that the caller gets of the one that the base
// gave. It is a copy: net/http may still read its own, and keeps it reachable.
func (x *Exchange) respond(s *Stack, resp *http.Response) *http.Response {
	x.mu.Lock()
	x.facts.Status, x.facts.Proto = resp.StatusCode, resp.Proto
	x.facts.Answered = x.elapsed()
	x.wire.length, x.wire.major, x.wire.respCloses = resp.ContentLength, uint8(min(resp.ProtoMajor, 9)), resp.Close
	switch q := resp.Request; {
	case q == nil:
	case x.owned(), q == &x.down.req && x.pipe.ownsHeader:
		x.wire.reqCloses = x.request.close
	default: // a middleware below may have changed even ours
		x.wire.reqCloses = saysClose(q)
	}
	x.mu.Unlock()
	switch v := resp.Header["Keep-Alive"]; {
	case !x.owned():
		if resp.ProtoMajor >= 2 {
			x.observed.Share()
		}
	case resp.ProtoMajor == 1:
		if v != nil {
			x.entry.KeepAlive(keepAliveTimeout(v))
		}
		if resp.Close && !x.wire.reqCloses && !x.request.close {
			x.entry.Announced()
		}
	}

	x.answered(resp)
	b := &Body{resp: *resp, orig: resp, exchange: x, stack: s}
	b.resp.Request = x.ownRequest(resp.Request)
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		// The connection is the caller's now, and the HTTP exchange is over.
		// Its body stays exactly what it is.
		x.finish(OutcomeUpgraded, nil, nil)
	case noBody(resp):
		x.finish(OutcomeNone, nil, nil)
	default:
		x.body.lengthKnown = resp.ContentLength >= 0
		x.gunzip(&b.resp)
		b.resp.Body = b
		if x.request.orig.Method == http.MethodConnect {
			if _, ok := resp.Body.(io.Writer); ok {
				b.resp.Body = tunnelBody{b} // the base gave both directions of the tunnel
			}
		}
		if x.pipe.overNetHTTP {
			x.body.resp = resp
		}
		b.sentinel.Store(x.pipe.reaper.watch(x))
	}
	runtime.KeepAlive(s)
	return &b.resp
}
