// Package record keeps what is known of one exchange, one RoundTrip of the
// base, for all adjacent layers of a stack: gathered once, by one derived
// context, one ClientTrace and one body.
//
// What holds what is the heart of it. There are two allocations. A Record,
// with the request that goes down and the hooks, is within reach of net/http
// and of contexts. A Body, with the copy of the response that the caller gets,
// is reachable from the caller alone: when the collector finds it, nobody can
// read or close that body any more. A Record must therefore never point to a
// Body, of its own or of a stack further down, nor to a Stack.
//
// Where the kit owns the connections it needs neither the derived context nor most
// of the hooks: see owned.go. Tried instead of that context elsewhere, and not
// taken: one of our own that can be cancelled saves no allocation over net/http's
// transport where the caller's can end, for net/http makes them up again. Over other
// bases the one of package context is made only if somebody looks for its end.
package record

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

// Record is one exchange. It is most of what a stack allocates for a request, so
// its size counts, and is pinned by a test: what few exchanges need is elsewhere.
type Record struct {
	pipe *pipeline
	// The caller's request. The caller may change it once RoundTrip has failed,
	// or the body was closed or dropped: what dials, hooks and the end need of
	// it is below.
	orig      *http.Request
	target    *Target
	path      string
	outer     *Record         // the exchange that this one is made in, if any
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
	states    [4]any // of the parts that have begun
	more      *[]any // states beyond four

	ctx         context.Context        // see cancelable
	trace       httptrace.ClientTrace  // see hooks
	callerHooks *httptrace.ClientTrace // the caller's hooks, which ours call
	req         http.Request           // what goes down
	stop        context.CancelFunc     // of ctx
	detachable  *detachable            // nil if no drain may go on after Close
	conn        connBook               // the exchange's line where connections are kept
	observed    ledger.Use             // conn, if the connection is somebody else's
	entry       connpool.Entry         // conn, if it is one of owned's
	dial        *dialTimes             // nil if no dial was expected

	body bodyState

	// What hooks and the end share, from net/http's goroutines and the
	// caller's.
	mu      sync.Mutex
	facts   Facts
	asked   time.Duration // from the start to the first GetConn; 0: none came
	onWrote chan struct{} // made by a drain that waits for wrote
	// The last exchange that was made inside of this one. It is a Record, so
	// nothing of it reaches a Body.
	inner *Record
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

// open starts a record.
func open(ln *pipeline, req *http.Request) *Record {
	r := &Record{pipe: ln, orig: req, target: ln.targets.Of(ledger.KeyOf(req.URL), newTarget), callerCtx: req.Context()}
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
func (r *Record) elapsed() time.Duration { return time.Since(r.facts.Start) }

func (r *Record) now() time.Time { return r.facts.Start.Add(r.elapsed()) }

// begin runs the parts down to the first that refuses.
func (r *Record) begin() error {
	for i, p := range r.pipe.layers {
		st, err := p.Begin(r)
		if err != nil {
			return err
		}
		switch {
		case i < len(r.states):
			r.states[i] = st
		case r.more == nil:
			r.more = &[]any{st}
		default:
			*r.more = append(*r.more, st)
		}
		r.begun++
	}
	return nil
}

// derive makes the request that goes down.
func (r *Record) derive() *http.Request {
	if r.pipe.gzips != nil {
		r.askGzip()
	}
	r.observed.Of, r.observed.Close, r.observed.Apart = r, r.close, !r.pipe.ownsHeader
	r.enter()
	r.publish()
	if r.observed.MayDial(r.pipe.overNetHTTP) {
		r.timeDial()
	}
	if r.pipe.traceKey == nil {
		r.bind(nil)
		ctx := httptrace.WithClientTrace(r.down(), &r.trace)
		if r.dial == nil {
			r.dial = new(dialTimes)
		}
		r.dial.ctx = ctx
	}
	if r.pipe.drainsInBackground && r.callerCtx.Err() == nil {
		r.detachable, r.ctx, r.stop = deriveDetachable(r.down())
		r.made.Or(ctxMade)
	}
	r.req = *r.orig.WithContext((*recordCtx)(r))
	if r.header != nil && r.orig.Header != nil { // net/http refuses a request without one
		r.req.Header = r.header
	}
	r.sent = true
	return &r.req
}

// respond makes the response that the caller gets of the one that the base
// gave. It is a copy: net/http may still read its own, and keeps it reachable.
func (r *Record) respond(s *Stack, resp *http.Response) *http.Response {
	r.mu.Lock()
	r.facts.Status, r.facts.Proto = resp.StatusCode, resp.Proto
	r.facts.Answered = r.elapsed()
	r.length, r.major, r.respCloses = resp.ContentLength, uint8(min(resp.ProtoMajor, 9)), resp.Close
	switch q := resp.Request; {
	case q == nil:
	case r.owned(), q == &r.req && r.pipe.ownsHeader:
		r.reqCloses = r.close
	default: // a middleware below may have changed even ours
		r.reqCloses = saysClose(q)
	}
	r.mu.Unlock()
	switch v := resp.Header["Keep-Alive"]; {
	case !r.owned():
		if resp.ProtoMajor >= 2 {
			r.observed.Share()
		}
	case resp.ProtoMajor == 1:
		if v != nil {
			r.entry.KeepAlive(keepAliveTimeout(v))
		}
		if resp.Close && !r.reqCloses && !r.close {
			r.entry.Announced()
		}
	}

	r.answered(resp)
	b := &Body{resp: *resp, orig: resp, record: r, stack: s}
	b.resp.Request = r.ownRequest(resp.Request)
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		// The connection is the caller's now, and the HTTP exchange is over.
		// Its body stays exactly what it is.
		r.finish(OutcomeUpgraded, nil, nil)
	case noBody(resp):
		r.finish(OutcomeNone, nil, nil)
	default:
		r.body.lengthKnown = resp.ContentLength >= 0
		r.gunzip(&b.resp)
		b.resp.Body = b
		if r.orig.Method == http.MethodConnect {
			if _, ok := resp.Body.(io.Writer); ok {
				b.resp.Body = tunnelBody{b} // the base gave both directions of the tunnel
			}
		}
		if r.pipe.overNetHTTP {
			r.body.resp = resp
		}
		b.sentinel.Store(r.pipe.reaper.watch(r))
	}
	runtime.KeepAlive(s)
	return &b.resp
}
