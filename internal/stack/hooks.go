package stack

import (
	"crypto/tls"
	"net/http/httptrace"
)

// hooks are made when somebody looks for them in the context: not every base does,
// nor a cache that answers by itself.
func (x *Exchange) hooks() *httptrace.ClientTrace {
	if x.made.Load()&hooksMade == 0 {
		// Not under the lock: it may be an outer exchange's hooks that are there.
		x.bind(httptrace.ContextClientTrace(x.down()))
	}
	return &x.trace
}

// bind makes the hooks, which call those above.
func (x *Exchange) bind(above *httptrace.ClientTrace) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.made.Load()&hooksMade != 0 {
		return
	}
	if above != nil {
		x.trace, x.callerHooks = *above, above
	}
	x.trace.GetConn = x.getConn
	x.trace.GotConn = x.gotConn
	x.trace.PutIdleConn = x.putIdleConn
	if x.hasBody {
		x.trace.WroteRequest = x.wroteRequest
	}
	x.made.Or(hooksMade)
}

// They run on net/http's goroutines, some after the exchange has ended. Each calls
// the caller's own after it.

func (x *Exchange) getConn(addr string) {
	if t := x.callerHooks; t != nil && t.GetConn != nil {
		defer t.GetConn(addr)
	}
	at := max(x.elapsed(), 1)
	x.observed.GetConn(addr, x.facts.Start.Add(at))
	x.mu.Lock()
	if x.asked == 0 {
		x.asked = at
	}
	x.mu.Unlock()
}

func (x *Exchange) gotConn(info httptrace.GotConnInfo) {
	if t := x.callerHooks; t != nil && t.GotConn != nil {
		defer t.GotConn(info)
	}
	at := x.elapsed()
	now := x.facts.Start.Add(at)
	shared := false
	if tc, ok := info.Conn.(*tls.Conn); ok && !info.Reused {
		shared = tc.ConnectionState().NegotiatedProtocol == "h2"
	}
	if info.Conn == nil {
		return
	}
	// Under the lock, so that settle comes before all of this or after it: a
	// middleware below may have given up on a RoundTrip that goes on.
	x.mu.Lock()
	defer x.mu.Unlock()
	x.writeBeginsLocked() // whosever it is: its WroteRequest comes here, too
	if x.facts.Outcome != OutcomePending || x.foreignConnLocked(info.Conn) {
		return
	}
	g := x.observed.GotConn(info.Conn, info.Reused, shared, now)
	if info.Reused && !info.WasIdle {
		x.observed.ExpectRaceLoser(now)
	}
	x.hooked, x.facts.shared = true, g.HTTP2
	f := &x.facts
	f.ConnID, f.ConnUses, f.ConnAge = g.ConnID, g.Uses, g.Age
	f.Reused, f.WasIdle, f.IdleTime = g.Reused, info.WasIdle, info.IdleTime
	f.Held, f.ConnSpan = g.NetConn, g.Span
	if x.asked > 0 {
		f.ConnWait = at - x.asked
	}
	f.New = nil
	if !g.Reused {
		f.New = &NewConn{Reason: g.Reason, Culprit: g.Culprit, OwnDial: g.Own}
		if x.dial != nil && g.Own {
			f.New.Setup = x.dial.setup()
		}
	}
	x.learnConnLocked(info.Conn)
}

func (x *Exchange) putIdleConn(err error) {
	x.observed.PutIdleConn(putReason(err))
	if t := x.callerHooks; t != nil && t.PutIdleConn != nil {
		t.PutIdleConn(err)
	}
}

// wroteRequest is installed only for a request with a body. The derived
// context must outlive the writing: cancelling it when the response has ended
// first would break an upload that still runs.
func (x *Exchange) wroteRequest(info httptrace.WroteRequestInfo) {
	if t := x.callerHooks; t != nil && t.WroteRequest != nil {
		defer t.WroteRequest(info)
	}
	x.written()
}
