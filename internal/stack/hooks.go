package stack

import (
	"crypto/tls"
	"net/http/httptrace"
	"time"
)

// hooks makes the hooks when they are looked for in the context: not every base looks for
// them, nor does a cache that answers by itself.
func (x *Exchange) hooks() *httptrace.ClientTrace {
	if x.down.made.Load()&hooksMade == 0 {
		// Not under the lock: the hooks above may be an outer exchange's, which takes its own.
		x.bind(httptrace.ContextClientTrace(x.parentCtx()))
	}
	return &x.down.trace
}

// bind makes the hooks, which call the ones above.
func (x *Exchange) bind(above *httptrace.ClientTrace) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.down.made.Load()&hooksMade != 0 {
		return
	}
	if above != nil {
		x.down.trace, x.down.hooks = *above, above
	}
	x.down.trace.GetConn = x.getConn
	x.down.trace.GotConn = x.gotConn
	x.down.trace.PutIdleConn = x.putIdleConn
	if x.request.hasBody {
		x.down.trace.WroteRequest = x.wroteRequest
	}
	x.down.made.Or(hooksMade)
}

// The hooks run on net/http's goroutines, some after the exchange has ended. Each calls the
// caller's own hook after it.

func (x *Exchange) getConn(addr string) {
	if t := x.down.hooks; t != nil && t.GetConn != nil {
		defer t.GetConn(addr)
	}
	at := max(time.Since(x.facts.Start), 1)
	x.observed.GetConn(addr, x.facts.Start.Add(at))
	x.mu.Lock()
	if x.wire.asked == 0 {
		x.wire.asked = at
	}
	x.mu.Unlock()
}

func (x *Exchange) gotConn(info httptrace.GotConnInfo) {
	if t := x.down.hooks; t != nil && t.GotConn != nil {
		defer t.GotConn(info)
	}
	at := time.Since(x.facts.Start)
	now := x.facts.Start.Add(at)
	shared := false
	if tc, ok := info.Conn.(*tls.Conn); ok && !info.Reused {
		shared = tc.ConnectionState().NegotiatedProtocol == "h2"
	}
	if info.Conn == nil {
		return
	}
	// Under the lock, so that closeBooks comes either before all of this or after it: a
	// middleware below may have given up on a RoundTrip that goes on.
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.request.hasBody {
		x.writeBeginsLocked() // also for a foreign request's connection: its WroteRequest comes here, too
	}
	if x.facts.Outcome != OutcomePending || x.foreignConnLocked(info.Conn) {
		return
	}
	g := x.observed.GotConn(info.Conn, info.Reused, shared, now)
	if info.Reused && !info.WasIdle {
		x.observed.ExpectRaceLoser(now)
	}
	x.wire.hooked, x.facts.shared = true, g.HTTP2
	f := &x.facts
	f.ConnID, f.ConnUses, f.ConnAge = g.ConnID, g.Uses, g.Age
	f.Reused, f.WasIdle, f.IdleTime = g.Reused, info.WasIdle, info.IdleTime
	f.Held, f.ConnSpan = g.NetConn, g.Span
	if x.wire.asked > 0 {
		f.ConnWait = at - x.wire.asked
	}
	f.New = nil
	if !g.Reused {
		f.New = &NewConn{Reason: g.Reason, Culprit: g.Culprit, OwnDial: g.Own}
		if x.down.dial != nil && g.Own {
			f.New.Setup = x.down.dial.setup()
		}
	}
	x.learnConnLocked(info.Conn)
}

func (x *Exchange) putIdleConn(err error) {
	x.observed.PutIdleConn(putReason(err))
	if t := x.down.hooks; t != nil && t.PutIdleConn != nil {
		t.PutIdleConn(err)
	}
}

// wroteRequest is installed only for a request with a body. The derived context must outlive
// the writing: if it were cancelled when the response ends first, an upload that goes on
// would break.
func (x *Exchange) wroteRequest(info httptrace.WroteRequestInfo) {
	if t := x.down.hooks; t != nil && t.WroteRequest != nil {
		defer t.WroteRequest(info)
	}
	x.written()
}
