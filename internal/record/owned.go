package record

import (
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/worth"
)

// connBook is what an exchange asks of, and tells to, whoever keeps its
// connection: a connpool.Entry where the kit owns it, and a ledger.Use where it is
// somebody else's and what can be told is told by httptrace and the body.
type connBook interface {
	// Returned reports whether the connection can be used again, and what
	// PutIdleConn refused it for otherwise, if that was told.
	Returned() (yes bool, refused loss.Reason)
	// End ends the exchange, once. Cause is why the connection is lost, as far as
	// the exchange can say; what is returned is what is true.
	End(cause loss.Reason, provisional bool, now time.Time) loss.Reason
	// Worth, Read, Drained and NotDrained are for the drain's estimates.
	Worth(unknown bool) worth.Worth
	Read(bytes int64, took time.Duration)
	Drained(took, cost time.Duration, whole, unknown bool)
	NotDrained(remeasure, unknown bool)
	// Draining notes that the rest of the body is read though it was closed.
	Draining(now time.Time)
	// SetSpan says which span stands for the making of the connection.
	SetSpan(s ledger.Span)
}

// owned reports whether the exchange's connection is the kit's own.
func (r *Record) owned() bool { return r.conn == connBook(&r.entry) }

// send sends the exchange's request: over a connection of the kit's own, or by the
// base.
func (r *Record) send(base http.RoundTripper) (*http.Response, error) {
	if !r.owned() {
		return base.RoundTrip(r.derive())
	}
	known := r.target.owned.Load()
	if r.pipe.gzips != nil && !known.SpeaksHTTP2() {
		r.askGzip() // over HTTP/2 nothing is drained, and net/http may do it
	}
	r.entry.Owner, r.entry.Close = (*owner)(r), r.close
	r.pipe.owned.Enter(&r.entry, r.target.key, known)
	if h := r.entry.Host(); h != known {
		r.target.owned.Store(h)
	}
	r.publish()
	r.req = *r.orig
	if r.header != nil {
		r.req.Header = r.header
	}
	r.sent = true
	return r.entry.RoundTrip(r.callerCtx, &r.req, r.writingHooks())
}

// writingHooks tell when a request with a body was written, if the stack drains:
// reading to the end of a response before that takes net/http 50 ms. Else there are
// none of ours.
func (r *Record) writingHooks() *httptrace.ClientTrace {
	if !r.hasBody || !r.pipe.drains {
		r.wrote = true
		return nil
	}
	t := new(httptrace.ClientTrace)
	if above := httptrace.ContextClientTrace(r.callerCtx); above != nil {
		*t = *above
		r.callerHooks = above
	}
	t.WroteRequest = r.wroteRequest
	return t
}

// settleOwned writes down what the end of the exchange has meant for its
// connection: cause is why it is lost, empty if it is not.
func (r *Record) settleOwned(cause loss.Reason, provisional bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &r.facts
	f.Returned, _ = r.entry.Returned()
	f.LostReason = cause
	if provisional && cause == loss.BodyUnread {
		f.LostReason = loss.Draining // it may come back yet
	}
}

// owner is a Record as package connpool knows it.
type owner Record

// Culprit implements connpool.Owner.
func (o *owner) Culprit() loss.Culprit { return (*Record)(o).Culprit() }

// Interrupted implements connpool.Owner.
func (o *owner) Interrupted() loss.Reason {
	r := (*Record)(o)
	return r.interrupted(nil, r.now())
}

// Acquired implements connpool.Owner.
func (o *owner) Acquired(g connpool.Got) {
	r := (*Record)(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.facts.Outcome != "" {
		return
	}
	f := &r.facts
	r.hooked, f.shared = true, g.HTTP2
	f.ConnID, f.ConnUses, f.ConnAge = g.ConnID, g.Uses, g.Age
	f.Reused, f.WasIdle, f.IdleTime = g.Reused, g.WasIdle, g.IdleTime
	f.Held, f.ConnSpan, f.ConnWait = g.Held, g.Span, g.Wait
	if r.pipe.drains {
		r.writeBegins()
	}
	f.New = nil
	if !g.Reused {
		f.New = &NewConn{Reason: g.Reason, Culprit: g.Culprit, Setup: g.Setup, OwnDial: g.Own, DialedBy: g.DialedBy, Dialed: g.Dialed}
	}
}
