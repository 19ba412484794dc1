package record

import (
	"crypto/tls"
	"net/http/httptrace"
)

// hooks are made when somebody looks for them in the context: not every base does,
// nor a cache that answers by itself.
func (r *Record) hooks() *httptrace.ClientTrace {
	if r.made.Load()&hooksMade == 0 {
		// Not under the lock: it may be an outer record's hooks that are there.
		r.bind(httptrace.ContextClientTrace(r.down()))
	}
	return &r.trace
}

// bind makes the hooks, which call those above.
func (r *Record) bind(above *httptrace.ClientTrace) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made.Load()&hooksMade != 0 {
		return
	}
	if above != nil {
		r.trace, r.callerHooks = *above, above
	}
	r.trace.GetConn = r.getConn
	r.trace.GotConn = r.gotConn
	r.trace.PutIdleConn = r.putIdleConn
	if r.hasBody {
		r.trace.WroteRequest = r.wroteRequest
	}
	r.made.Or(hooksMade)
}

// They run on net/http's goroutines, some after the exchange has ended. Each calls
// the caller's own after it.

func (r *Record) getConn(addr string) {
	if t := r.callerHooks; t != nil && t.GetConn != nil {
		defer t.GetConn(addr)
	}
	at := max(r.elapsed(), 1)
	r.observed.Ask(addr, r.facts.Start.Add(at))
	r.mu.Lock()
	if r.asked == 0 {
		r.asked = at
	}
	r.mu.Unlock()
}

func (r *Record) gotConn(info httptrace.GotConnInfo) {
	if t := r.callerHooks; t != nil && t.GotConn != nil {
		defer t.GotConn(info)
	}
	at := r.elapsed()
	now := r.facts.Start.Add(at)
	shared := false
	if tc, ok := info.Conn.(*tls.Conn); ok && !info.Reused {
		shared = tc.ConnectionState().NegotiatedProtocol == "h2"
	}
	if info.Conn == nil {
		return
	}
	// Under the lock, so that settle comes before all of this or after it: a
	// middleware below may have given up on a RoundTrip that goes on.
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writeBegins() // whosever it is: its WroteRequest comes here, too
	if r.facts.Outcome != "" || r.foreignConn(info.Conn) {
		return
	}
	g := r.observed.Got(info.Conn, info.Reused, shared, now)
	if info.Reused && !info.WasIdle {
		r.observed.HandedOver(now)
	}
	r.hooked, r.facts.shared = true, g.Shared
	f := &r.facts
	f.ConnID, f.ConnUses, f.ConnAge = g.ConnID, g.Uses, g.Age
	f.Reused, f.WasIdle, f.IdleTime = g.Reused, info.WasIdle, info.IdleTime
	f.Held, f.ConnSpan = g.Held, g.Span
	if r.asked > 0 {
		f.ConnWait = at - r.asked
	}
	f.New = nil
	if !g.Reused {
		f.New = &NewConn{Reason: g.Reason, Culprit: g.Culprit, OwnDial: g.Own}
		if r.dial != nil && g.Own {
			f.New.Setup = r.dial.setup()
		}
	}
	r.learnConn(info.Conn)
}

func (r *Record) putIdleConn(err error) {
	r.observed.Put(putReason(err))
	if t := r.callerHooks; t != nil && t.PutIdleConn != nil {
		t.PutIdleConn(err)
	}
}

// wroteRequest is installed only for a request with a body. The derived
// context must outlive the writing: cancelling it when the response has ended
// first would break an upload that still runs.
func (r *Record) wroteRequest(info httptrace.WroteRequestInfo) {
	if t := r.callerHooks; t != nil && t.WroteRequest != nil {
		defer t.WroteRequest(info)
	}
	r.written()
}
