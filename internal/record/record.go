// Package record keeps what is known of one exchange, one RoundTrip of the
// base, for all layers of a stack: gathered once, by one derived context, one
// ClientTrace and one body.
//
// What holds what is the heart of it. There are two allocations. A Record,
// with the request that goes down and the hooks, is within reach of net/http
// and of contexts. A Body, with the copy of the response that the caller gets,
// is reachable from the caller alone: when the collector finds it, nobody can
// read or close that body any more. A Record must therefore never point to a
// Body or a Stack.
package record

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Record is one exchange.
type Record struct {
	leg leg // the outermost segment's

	orig   *http.Request
	key    ledger.Key
	parent context.Context // the caller's, with what the layers added
	header http.Header     // the layers' own map, nil until one asks
	ctx    recordCtx
	trace  httptrace.ClientTrace
	req    http.Request // what goes down
	ledger *ledger.Ledger
	use    ledger.Use

	mu      sync.Mutex
	facts   Facts
	asked   time.Time // the first GetConn
	resp    *http.Response
	wrote   bool // the request was written, or has no body
	over    bool // the exchange has ended: cancel as soon as wrote
	heir    *identity
	hasBody bool
	maxAge  time.Duration // of a connection, before it is retired; 0: none
	retired bool          // this exchange is its connection's last
	claims  []any
	exempt  bool
}

// recordCtx carries the record to dials and to the heir below somebody else's
// middleware, without an allocation of its own.
type recordCtx struct {
	context.Context
	r *Record
}

type recordKey struct{}

func (c *recordCtx) Value(key any) any {
	if key == (recordKey{}) {
		return c.r
	}
	return c.Context.Value(key)
}

// FromDial returns the record whose request began the dial of ctx, and a
// context in which it can't be found: a dialer that makes requests of its own
// must not have them taken for this one.
func FromDial(ctx context.Context) (*Record, context.Context) {
	r, _ := ctx.Value(recordKey{}).(*Record)
	if r == nil {
		return nil, ctx
	}
	return r, &recordCtx{ctx, nil}
}

// open starts a record, or takes over the one of an outer stack.
func open(ln *line, req *http.Request) *leg {
	if outer, _ := req.Context().Value(recordKey{}).(*Record); outer != nil && outer.inherit(ln, req) {
		return &leg{rec: outer, line: ln, joined: true}
	}
	now := time.Now()
	r := &Record{orig: req, parent: req.Context(), key: ledger.KeyOf(req.URL), ledger: ln.ledger, heir: ln.heir}
	r.facts.Start = now
	r.facts.Method = req.Method
	r.hasBody = req.Body != nil && req.Body != http.NoBody
	r.wrote = !r.hasBody
	r.leg.rec, r.leg.line = r, ln
	return &r.leg
}

// inherit lets the stack ln take over a record, once for each, and only for
// what looks like the same request: a middleware between may make others
// through the same stack, for a token say.
func (r *Record) inherit(ln *line, req *http.Request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heir == nil || r.heir != ln.id || req.Method != r.orig.Method ||
		req.URL == nil || r.orig.URL == nil || req.URL.Path != r.orig.URL.Path {
		return false
	}
	r.heir = ln.heir
	r.leg.handed = true
	r.parent = req.Context()
	// The ledger next to the base knows its connections best. The base was not
	// called yet, so no hook has seen the other one.
	r.use.End("", false, time.Now())
	r.ledger, r.use = ln.ledger, ledger.Use{Culprit: r.use.Culprit}
	r.ledger.Begin(&r.use, r.key)
	return true
}

// Context is the caller's context, with what the layers so far have put into
// it.
func (r *Record) Context() context.Context { return r.parent }

// SetContext replaces the context that goes down, in Begin only. It must be
// derived from Context.
func (r *Record) SetContext(ctx context.Context) { r.parent = ctx }

// Request is the request as the caller made it. It must not be changed.
func (r *Record) Request() *http.Request { return r.orig }

// Response is what the base answered, nil before and if it did not. It must
// not be changed.
func (r *Record) Response() *http.Response {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resp
}

// Header is the header that goes down, the kit's own map: the values are
// shared with the caller's request and must be replaced, never changed. In
// Begin only.
func (r *Record) Header() http.Header {
	if r.header == nil {
		h := make(http.Header, len(r.orig.Header)+2)
		for k, v := range r.orig.Header {
			h[k] = v
		}
		r.header = h
	}
	return r.header
}

// SetSpan says which span stands for this exchange, for those who pay if it
// costs a connection. In Begin only.
func (r *Record) SetSpan(trace [16]byte, span [8]byte) {
	r.use.Culprit.TraceID, r.use.Culprit.SpanID = trace, span
}

// SetStack says where the request was made, for the same. In Begin only.
func (r *Record) SetStack(stack []uintptr) { r.use.Culprit.Stack = stack }

// Claim reports whether owner, which must be a pointer or otherwise comparable
// to count, is the first of its kind to claim the record: of two trace layers
// with one provider only the outer one writes a span. In Begin only.
func (r *Record) Claim(owner any) bool {
	if !reflect.TypeOf(owner).Comparable() {
		return true
	}
	for _, o := range r.claims {
		if o == owner {
			return false
		}
	}
	r.claims = append(r.claims, owner)
	return true
}

// RetireAfter makes this exchange the last of its HTTP/1 connection if that is
// older than d. In Begin only.
func (r *Record) RetireAfter(d time.Duration) {
	r.Header() // gotConn writes to a map of our own
	r.maxAge = d
}

// Use is the record's line in the ledger l, nil if it is in another one.
func (r *Record) Use(l *ledger.Ledger) *ledger.Use {
	if r == nil || r.ledger != l {
		return nil
	}
	return &r.use
}

// derive makes the request that goes down.
func (r *Record) derive() *http.Request {
	ctx, cancel := context.WithCancel(r.parent)
	r.leg.cancel = cancel
	r.trace.GetConn = r.getConn
	r.trace.GotConn = r.gotConn
	r.trace.PutIdleConn = r.putIdleConn
	if r.hasBody {
		r.trace.WroteRequest = r.wroteRequest
	}
	r.ctx = recordCtx{httptrace.WithClientTrace(ctx, &r.trace), r}
	r.req = *r.orig.WithContext(&r.ctx)
	if r.header != nil {
		r.req.Header = r.header
	}
	r.ledger.Begin(&r.use, r.key)
	r.facts.Host = r.use.Host()
	return &r.req
}

// settle closes the books on the connection and fixes the facts. It runs once,
// when the segment next to the base has ended.
func (r *Record) settle(out Outcome, err error, read int64, d drained) {
	now := time.Now()
	r.mu.Lock()
	f := &r.facts
	f.Outcome, f.BytesRead, f.Err = out, read, err
	f.BytesDrained, f.DrainTime, f.Skipped = d.bytes, d.time, d.skipped
	f.Duration = now.Sub(f.Start)
	f.Leaked = out == OutcomeLeaked
	begun := r.req.URL != nil
	var cause ledger.Reason
	if begun && f.ConnID != 0 {
		f.Returned, _ = r.use.Returned()
		cause = r.cause(out, err)
		f.LostReason = cause
	}
	// net/http does not start on a body that it knows to be longer.
	provisional := nativeDrain && out == OutcomeClosed && cause == ledger.BodyUnread &&
		r.resp.ContentLength <= maxPostCloseReadBytes
	r.mu.Unlock()
	if begun {
		r.use.End(cause, provisional, now)
	}
}

// cause says why the connection of an exchange that has ended does not go
// back, empty if it does. r.mu is held.
func (r *Record) cause(out Outcome, err error) ledger.Reason {
	put, putErr := r.use.Returned()
	switch {
	case put:
		return ""
	case putErr != nil:
		return putReason(putErr)
	case r.resp != nil && r.resp.StatusCode == http.StatusSwitchingProtocols:
		return ledger.Upgraded
	case r.resp != nil && r.resp.ProtoMajor >= 2:
		return ""
	case r.ledger.KeepAlivesOff():
		return ledger.KeepAlivesOff
	case r.retired:
		return ledger.MaxAge
	case r.req.Close || hasToken(r.req.Header["Connection"], "close"):
		return ledger.ClientClose
	case r.resp != nil && r.resp.Close:
		return ledger.ServerClose
	case out == OutcomeCanceled, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		if e := r.parent.Err(); errors.Is(e, context.DeadlineExceeded) || e == nil && errors.Is(err, context.DeadlineExceeded) {
			return ledger.Timeout
		}
		return ledger.Canceled
	}
	switch out {
	case OutcomeLeaked:
		return ledger.BodyLeaked
	case OutcomeSkipped, OutcomeGaveUp, OutcomeTimedOut, OutcomeClosed:
		return ledger.BodyUnread
	case OutcomeEOF, OutcomeDrained, OutcomeNone:
		if !r.wrote {
			return ledger.EarlyResponse
		}
		return ledger.Unknown
	}
	return ledger.ConnError
}

// putReason reads PutIdleConn's error. The errors are not exported; their
// texts have not changed since Go 1.7.
func putReason(err error) ledger.Reason {
	switch err.Error() {
	case "http: putIdleConn: too many idle connections for host", "http: putIdleConn: too many idle connections":
		return ledger.IdleLimit
	case "http: putIdleConn: CloseIdleConnections was called":
		return ledger.ClosedIdle
	case "http: putIdleConn: connection is in bad state":
		return ledger.ConnError
	}
	return ledger.Unknown
}
