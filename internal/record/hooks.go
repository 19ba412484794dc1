package record

import (
	"crypto/tls"
	"net/http/httptrace"

	"github.com/warmconn/warmconn/internal/ledger"
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
		r.trace, r.above = *above, above
	}
	r.trace.GetConn = r.getConn
	r.trace.GotConn = r.gotConn
	r.trace.PutIdleConn = r.putIdleConn
	if r.hasBody {
		r.trace.WroteRequest = r.wroteRequest
	}
	if r.use.MaxAge > 0 || r.use.MaxUses > 0 {
		r.trace.WroteHeaders = r.wroteHeaders
	}
	r.made.Or(hooksMade)
}

// They run on net/http's goroutines, some after the exchange has ended. Each calls
// the caller's own after it.

func (r *Record) getConn(addr string) {
	if t := r.above; t != nil && t.GetConn != nil {
		defer t.GetConn(addr)
	}
	at := max(r.elapsed(), 1)
	r.use.Ask(addr, r.facts.Start.Add(at))
	r.mu.Lock()
	if r.asked == 0 {
		r.asked = at
	}
	r.mu.Unlock()
}

func (r *Record) gotConn(info httptrace.GotConnInfo) {
	if t := r.above; t != nil && t.GotConn != nil {
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
	g := r.use.Got(info.Conn, info.Reused, shared, now)
	if info.Reused && !info.WasIdle {
		r.use.HandedOver(now)
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
		f.New = r.newConn(&g)
	}
	r.learnConn(info.Conn)
	r.retire(g.Retire)
}

func (r *Record) newConn(g *ledger.Got) *NewConn {
	n := &NewConn{Reason: g.Reason, Culprit: g.Culprit, Setup: g.Setup, OwnDial: g.Own, DialedBy: g.DialedBy, Dialed: g.Dialed}
	if r.dial != nil && g.Own && n.Setup == (ledger.Setup{}) {
		n.Setup = r.dial.setup() // nobody watches the dialer
	}
	return n
}

// retirement is why an exchange is its connection's last: a Reason in one byte.
type retirement uint8

const (
	goesOn retirement = iota
	byAge
	byUses
)

func retirementFor(why ledger.Reason) retirement {
	switch why {
	case "":
		return goesOn
	case ledger.MaxRequests:
		return byUses
	}
	return byAge
}

func (x retirement) reason() ledger.Reason {
	if x == byUses {
		return ledger.MaxRequests
	}
	return ledger.MaxAge
}

// retire makes this the last exchange of its connection, or takes that back:
// net/http may try a second connection. It writes to the request after GotConn;
// the server answers, and the connection ends without having failed anybody. Of a
// request with a body, net/http has made a copy by now that shares the header.
// Somebody else's middleware may have cloned that, or read it for a second
// attempt.
func (r *Record) retire(why ledger.Reason) {
	last := r.facts.retired != goesOn
	switch {
	case why != "" && !last:
		r.header["Connection"] = []string{"close"}
		r.req.Close = true
	case why == "" && last:
		delete(r.header, "Connection")
		r.req.Close = false
	}
	r.facts.retired = retirementFor(why)
}

func (r *Record) putIdleConn(err error) {
	r.use.Put(putReason(err))
	if t := r.above; t != nil && t.PutIdleConn != nil {
		t.PutIdleConn(err)
	}
}

// wroteHeaders is installed only where connections are retired.
func (r *Record) wroteHeaders() {
	if t := r.above; t != nil && t.WroteHeaders != nil {
		defer t.WroteHeaders()
	}
	r.use.Settled()
}

// wroteRequest is installed only for a request with a body. The derived
// context must outlive the writing: cancelling it when the response has ended
// first would break an upload that still runs.
func (r *Record) wroteRequest(info httptrace.WroteRequestInfo) {
	if t := r.above; t != nil && t.WroteRequest != nil {
		defer t.WroteRequest(info)
	}
	r.written()
}
