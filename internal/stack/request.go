package stack

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/header"
	"github.com/warmconn/warmconn/internal/ledger"
)

// request is the caller's request, and the values that were read from it. The caller may
// change the request once RoundTrip has failed, or the body was closed or dropped. So the
// values that dials, hooks and the end need are here.
type request struct {
	orig    *http.Request
	target  *Target
	path    string
	ctx     context.Context // the caller's, with the layers' values: see parentCtx
	header  http.Header     // a copy of the map for the layers; nil until one asks for it
	close   bool            // the request asks for the end of its connection
	hasBody bool            // the request has a body
	gzip    bool            // the kit has asked for gzip, and must decompress
}

// open starts an exchange.
func open(ln *pipeline, req *http.Request) *Exchange {
	x := &Exchange{pipe: ln}
	x.request = request{orig: req, close: saysClose(req), target: ln.targets.Of(ledger.KeyOf(req.URL), newTarget), ctx: req.Context()}
	x.conn = &x.observed
	if x.down.owned = ln.owned != nil && connpool.Takes(req); x.down.owned {
		x.conn = &x.entry
	}
	if req.URL != nil {
		x.request.path = req.URL.Path
	}
	x.facts.Start = time.Now()
	x.facts.Method, x.facts.Foreign = req.Method, !ln.overNetHTTP
	x.request.hasBody = req.Body != nil && req.Body != http.NoBody
	x.wire.wrote = !x.request.hasBody || !ln.overNetHTTP // until hooks say otherwise
	x.link()
	return x
}

// derive makes the request that goes down.
func (x *Exchange) derive() *http.Request {
	if x.pipe.gzips != nil {
		x.askGzip()
	}
	x.observed.Owner, x.observed.Close, x.observed.BehindMiddleware = x, x.request.close, !x.pipe.overNetHTTP
	x.enter()
	if x.nest.outer != nil {
		x.publish()
	}
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
	return &x.down.req
}

// saysClose reports whether a request asks for the end of its connection.
func saysClose(req *http.Request) bool {
	return req.Close || header.HasToken(req.Header["Connection"], "close")
}

// askGzip asks for gzip in net/http's place, by net/http's rules. It is called after all
// layers have begun.
func (x *Exchange) askGzip() {
	h := x.request.orig.Header
	if h == nil || len(h["Accept-Encoding"]) > 0 || len(h["Range"]) > 0 || x.request.orig.Method == http.MethodHead || x.request.orig.Method == http.MethodConnect {
		return
	}
	x.Header()["Accept-Encoding"] = x.pipe.gzips.accept
	x.request.gzip = true
}

// Header is the header that goes down, the kit's own map: the values are
// shared with the caller's request and must be replaced, never changed. In
// Begin only.
func (x *Exchange) Header() http.Header {
	if x.request.header == nil {
		h := make(http.Header, len(x.request.orig.Header)+2)
		for k, v := range x.request.orig.Header {
			h[k] = v
		}
		x.request.header = h
	}
	return x.request.header
}

// derived is the request that goes down in the place of the caller's, with its context and
// hooks.
type derived struct {
	ctx        context.Context        // see cancelable
	trace      httptrace.ClientTrace  // see hooks
	hooks      *httptrace.ClientTrace // the caller's, which trace's hooks call
	req        http.Request
	stop       context.CancelFunc // ends ctx
	detachable *detachable        // nil if no drain may go on after Close
	dial       *dialTimes         // nil if no dial was expected
	made       atomic.Uint32      // hooksMade, ctxMade, canceled, atLast
	owned      bool               // it goes over a connection of the kit's own
	detached   bool               // the end of the caller's context no longer ends it: see closeLater; used by the closing goroutine
}

// enter enters the exchange at its host in the ledger.
func (x *Exchange) enter() {
	page := x.request.target.observed.Load()
	if h := x.pipe.ledger.Begin(&x.observed, x.request.target.Key, page, x.facts.Start); h != page {
		x.request.target.observed.Store(h)
	}
}
