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

// Exchange is one exchange. It is most of what a stack allocates for a request, so
// its size counts, and is pinned by a test: what few exchanges need is elsewhere.
type Exchange struct {
	pipe *pipeline
	// The caller's request. The caller may change it once RoundTrip has failed,
	// or the body was closed or dropped: what dials, hooks and the end need of
	// it is below.
	orig      *http.Request
	target    *Target
	path      string
	outer     *Exchange       // the exchange that this one is made in, if any
	callerCtx context.Context // the caller's, with what the layers added; ends with that. See down
	header    http.Header     // the layers' own map, nil until one asks
	close     bool            // the request asks for the end of its connection
	hasBody   bool            // it has one
	own       bool            // it is outer's own, not a token's or a name's: see link
	firstOwn  bool            // and the first of those
	dials     bool            // outer's connection is dialed by means of it
	gzip      bool            // we have asked for gzip, and must decompress
	sent      bool
	begun     uint8
	states    [4]any // of the layers that have begun
	more      *[]any // states beyond four

	ctx         context.Context        // see cancelable
	trace       httptrace.ClientTrace  // see hooks
	callerHooks *httptrace.ClientTrace // the caller's hooks, which ours call
	req         http.Request           // what goes down
	stop        context.CancelFunc     // of ctx
	detachable  *detachable            // nil if no drain may go on after Close
	conn        connBook               // the exchange's line where connections are kept
	observed    ledger.Entry           // conn, if the connection is somebody else's
	entry       connpool.Entry         // conn, if it is one of owned's
	dial        *dialTimes             // nil if no dial was expected

	body bodyState

	// What hooks and the end share, from net/http's goroutines and the
	// caller's.
	mu      sync.Mutex
	facts   Facts
	asked   time.Duration // from the start to the first GetConn; 0: none came
	onWrote chan struct{} // made by a drain that waits for wrote
	// The last exchange that was made inside of this one. It is an Exchange, so
	// nothing of it reaches a Body.
	inner *Exchange
	// What the end needs of the response, by value: the response of somebody
	// else's middleware may hold a Body of a stack further down.
	length     int64
	major      uint8
	respCloses bool          // it says that the connection ends
	reqCloses  bool          // the request that was really sent said so
	hooked     bool          // GotConn came: WroteRequest will, too
	wrote      bool          // the request was written, or has no body; see written.go
	over       bool          // the exchange has ended: cancel as soon as wrote
	hasOwn     bool          // an inner exchange was this one's own
	detached   bool          // it goes on whatever the caller does: see closeLater; the closing goroutine's
	writes     int32         // that have begun and not ended, as far as hooks tell
	made       atomic.Uint32 // hooksMade, ctxMade, canceled, atLast
}

// open starts an exchange.
func open(ln *pipeline, req *http.Request) *Exchange {
	r := &Exchange{pipe: ln, orig: req, target: ln.targets.Of(ledger.KeyOf(req.URL), newTarget), callerCtx: req.Context()}
	r.conn = &r.observed
	if ln.owned != nil && connpool.Takes(req) {
		r.conn = &r.entry
	}
	r.close = saysClose(req)
	if req.URL != nil {
		r.path = req.URL.Path
	}
	r.facts.Start = time.Now()
	r.facts.Method = req.Method
	r.hasBody = req.Body != nil && req.Body != http.NoBody
	r.wrote = !r.hasBody || !ln.overNetHTTP // until hooks say otherwise
	r.link()
	return r
}

// elapsed is the time since the start. It takes half of what time.Now does.
func (x *Exchange) elapsed() time.Duration { return time.Since(x.facts.Start) }

func (x *Exchange) now() time.Time { return x.facts.Start.Add(x.elapsed()) }

// begin runs the layers down to the first that refuses.
func (x *Exchange) begin() error {
	for i, p := range x.pipe.layers {
		st, err := p.Begin(x)
		if err != nil {
			return err
		}
		switch {
		case i < len(x.states):
			x.states[i] = st
		case x.more == nil:
			x.more = &[]any{st}
		default:
			*x.more = append(*x.more, st)
		}
		x.begun++
	}
	return nil
}

// derive makes the request that goes down.
func (x *Exchange) derive() *http.Request {
	if x.pipe.gzips != nil {
		x.askGzip()
	}
	x.observed.Owner, x.observed.Close, x.observed.BehindMiddleware = x, x.close, !x.pipe.ownsHeader
	x.enter()
	x.publish()
	if x.observed.MayDial(x.pipe.overNetHTTP) {
		x.timeDial()
	}
	if x.pipe.traceKey == nil {
		x.bind(nil)
		ctx := httptrace.WithClientTrace(x.down(), &x.trace)
		if x.dial == nil {
			x.dial = new(dialTimes)
		}
		x.dial.ctx = ctx
	}
	if x.pipe.drainsInBackground && x.callerCtx.Err() == nil {
		x.detachable, x.ctx, x.stop = deriveDetachable(x.down())
		x.made.Or(ctxMade)
	}
	x.req = *x.orig.WithContext((*exchangeCtx)(x))
	if x.header != nil && x.orig.Header != nil { // net/http refuses a request without one
		x.req.Header = x.header
	}
	x.sent = true
	return &x.req
}

// respond makes the response that the caller gets of the one that the base
// gave. It is a copy: net/http may still read its own, and keeps it reachable.
func (x *Exchange) respond(s *Stack, resp *http.Response) *http.Response {
	x.mu.Lock()
	x.facts.Status, x.facts.Proto = resp.StatusCode, resp.Proto
	x.facts.Answered = x.elapsed()
	x.length, x.major, x.respCloses = resp.ContentLength, uint8(min(resp.ProtoMajor, 9)), resp.Close
	switch q := resp.Request; {
	case q == nil:
	case x.owned(), q == &x.req && x.pipe.ownsHeader:
		x.reqCloses = x.close
	default: // a middleware below may have changed even ours
		x.reqCloses = saysClose(q)
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
		if resp.Close && !x.reqCloses && !x.close {
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
		if x.orig.Method == http.MethodConnect {
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
