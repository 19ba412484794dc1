package record

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// leg is one segment's share in an exchange: adjacent layers of the kit are
// one segment. An exchange has one, or one for each side of somebody else's
// middleware. All that the end of a body needs is here and not in the Body,
// so that it can end when the Body is gone.
type leg struct {
	rec    *Record
	line   *line
	joined bool               // it took over the record of a leg above
	handed bool               // a leg below took it over; guarded by rec.mu
	cancel context.CancelFunc // of this leg's derived context
	states [4]any
	more   []any // states beyond four
	begun  int

	// The body that the base gave, nil if a leg below has it: above somebody
	// else's middleware it may be a wrapper around that leg's Body, which must
	// not be reachable from here.
	raw     io.ReadCloser
	cleanup runtime.Cleanup // zero if not armed

	mu      sync.Mutex
	readers int           // Reads in progress
	idle    chan struct{} // made by a Close that waits for them
	closed  bool
	ended   bool
	read    int64
	last    time.Time // of the last Read that brought something
	outer   *leg      // ends with this one: its body is ours
}

func (l *leg) state(i int) any {
	if i < len(l.states) {
		return l.states[i]
	}
	return l.more[i-len(l.states)]
}

// begin runs the parts down to the first that refuses.
func (l *leg) begin() error {
	for i, p := range l.line.parts {
		st, err := p.Begin(l.rec)
		if err != nil {
			return err
		}
		if i < len(l.states) {
			l.states[i] = st
		} else {
			l.more = append(l.more, st)
		}
		l.begun++
	}
	return nil
}

// send makes the request for the base.
func (l *leg) send(req *http.Request) *http.Request {
	if !l.joined {
		return l.rec.derive()
	}
	// The context comes from the record's own, through somebody else's hands.
	// It needs a cancel of its own: a retrier between may use it again.
	ctx, cancel := context.WithCancel(l.rec.parent)
	l.cancel = cancel
	down := req.WithContext(ctx)
	if h := l.rec.header; h != nil {
		// What our own layers added since belongs on this request too.
		down.Header = merge(req.Header, h, l.rec.orig.Header)
	}
	return down
}

// merge returns base with those of added that are not in known.
func merge(base, added, known http.Header) http.Header {
	out := make(http.Header, len(base)+2)
	for k, v := range base {
		out[k] = v
	}
	for k, v := range added {
		if _, ok := known[k]; !ok {
			out[k] = v
		}
	}
	return out
}

// respond makes the response that the caller gets of the one that the base
// gave. It is a copy: net/http may still read its own, and keeps it reachable.
func (l *leg) respond(s *Stack, resp *http.Response) *http.Response {
	r := l.rec
	if b, ok := resp.Body.(*Body); ok && resp == &b.resp && b.leg.rec == r && b.leg.attach(l) {
		if resp.Request == &r.req {
			resp.Request = r.orig
		}
		return resp
	}
	r.mu.Lock()
	handed := l.handed
	if !handed {
		r.resp = resp
		r.facts.Status, r.facts.Proto = resp.StatusCode, resp.Proto
	}
	r.mu.Unlock()

	b := &Body{resp: *resp, leg: l, stack: s}
	if b.resp.Request == &r.req {
		b.resp.Request = r.orig
	}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		// The connection is the caller's now, and the HTTP exchange is over.
		// Its body stays exactly what it is.
		l.finish(OutcomeUpgraded, nil)
	case noBody(resp):
		if r.uploading() {
			l.cleanup = runtime.AddCleanup(b, dropped, l)
		}
		l.finish(OutcomeNone, nil)
	default:
		b.orig = resp
		b.resp.Body = b
		if !handed {
			l.raw = resp.Body
		}
		l.cleanup = runtime.AddCleanup(b, dropped, l)
	}
	runtime.KeepAlive(s)
	return &b.resp
}

// attach lets the outer leg end with this one. It says no if this one has
// ended already.
func (l *leg) attach(outer *leg) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.outer != nil {
		return false
	}
	l.outer = outer
	return true
}

// finish ends the leg, once: the connection's books first, then slots, spans
// and observers.
func (l *leg) finish(out Outcome, err error) { l.finishDrained(out, err, drained{}) }

func (l *leg) finishDrained(out Outcome, err error, d drained) {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.ended = true
	outer, read := l.outer, l.read
	l.mu.Unlock()
	r := l.rec
	if !r.uploading() {
		l.cleanup.Stop()
	}
	if out == OutcomeFailed && canceled(r, err) || out == OutcomeEOF && r.cutShort() {
		out = OutcomeCanceled
	}
	r.mu.Lock()
	handed := l.handed
	if handed && (out == OutcomeFailed || out == OutcomeRefused) {
		// Somebody between the layers made this error.
		r.facts.Err = err
	}
	r.mu.Unlock()
	if !handed {
		r.settle(out, err, read, d)
	}
	l.endParts(outer)
	if l.joined && l.cancel != nil && !r.uploading() {
		l.cancel()
	}
	if !l.joined || outer != nil {
		r.release(out)
	}
}

// endParts runs the Ends by phase over this leg and the outer one.
func (l *leg) endParts(outer *leg) {
	if outer == nil {
		for _, i := range l.line.order {
			if int(i) < l.begun {
				l.line.parts[i].End(l.rec, l.state(int(i)))
			}
		}
		return
	}
	for p := range phases {
		for _, x := range [...]*leg{l, outer} {
			for _, i := range x.line.order {
				if int(i) < x.begun && x.line.parts[i].Phase() == p {
					x.line.parts[i].End(x.rec, x.state(int(i)))
				}
			}
		}
	}
}

// cutShort reports whether an EOF comes of the caller's context: over TLS a
// cancelled read of a chunked body can look like its end. Net/http does not
// return the connection then, though nothing else speaks against it.
func (r *Record) cutShort() bool {
	if r.orig.Context().Err() == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.facts.ConnID != 0 && r.cause(OutcomeEOF, nil) == ledger.Unknown
}

// canceled reports whether err comes of the caller's context. A cancel with a
// cause shows as that cause, so the context itself is asked first.
func canceled(r *Record, err error) bool {
	return r.orig.Context().Err() != nil || errors.Is(err, context.Canceled)
}
