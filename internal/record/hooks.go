package record

import (
	"crypto/tls"
	"net/http/httptrace"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// The hooks run on net/http's goroutines, some after the exchange has ended.
// Each calls the caller's own after it.

func (r *Record) getConn(addr string) {
	if t := r.above; t != nil && t.GetConn != nil {
		defer t.GetConn(addr)
	}
	now := time.Now()
	r.use.Ask(addr, now)
	r.mu.Lock()
	if r.asked.IsZero() {
		r.asked = now
	}
	r.mu.Unlock()
}

func (r *Record) gotConn(info httptrace.GotConnInfo) {
	if t := r.above; t != nil && t.GotConn != nil {
		defer t.GotConn(info)
	}
	now := time.Now()
	shared := false
	if tc, ok := info.Conn.(*tls.Conn); ok && !info.Reused {
		shared = tc.ConnectionState().NegotiatedProtocol == "h2"
	}
	if info.Conn == nil || r.foreignConn(info.Conn) {
		return
	}
	// Under the lock, so that settle comes before all of this or after it: a
	// middleware below may have given up on a RoundTrip that goes on.
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.facts.Outcome != "" {
		return
	}
	g := r.use.Got(info.Conn, info.Reused, shared, now)
	if info.Reused && !info.WasIdle {
		r.use.HandedOver(now)
	}
	r.hooked, r.shared = true, g.Shared
	f := &r.facts
	f.ConnID, f.ConnUses, f.ConnAge = g.ConnID, g.Uses, g.Age
	f.Reused, f.NewReason, f.Culprit = g.Reused, g.Reason, g.Culprit
	f.WasIdle, f.IdleTime = info.WasIdle, info.IdleTime
	f.Conn = info.Conn
	if !r.asked.IsZero() {
		f.ConnWait = now.Sub(r.asked)
	}
	f.Setup, f.OwnDial, f.DialedBy = ledger.Setup{}, g.Own, g.DialedBy
	f.Dialed, f.ConnSpan = g.Dialed, g.Span
	if !g.Reused {
		f.Setup = g.Setup
		if r.dial != nil && g.Own && f.Setup == (ledger.Setup{}) {
			f.Setup = r.dial.setup() // nobody watches the dialer
		}
	}
	r.learnConn(info.Conn)
	r.retire(g.Retire)
}

// retire makes this the last exchange of its connection, or takes that back:
// net/http may try a second connection. It writes to the request after GotConn;
// the server answers, and the connection ends without having failed anybody. Of a
// request with a body, net/http has made a copy by now that shares the header.
// Somebody else's middleware may have cloned that, or read it for a second
// attempt.
func (r *Record) retire(why ledger.Reason) {
	switch {
	case why != "" && r.retired == "":
		r.header["Connection"] = []string{"close"}
		r.req.Close = true
	case why == "" && r.retired != "":
		delete(r.header, "Connection")
		r.req.Close = false
	}
	r.retired = why
}

func (r *Record) putIdleConn(err error) {
	if err == nil {
		r.use.Put(nil, "")
	} else {
		r.use.Put(err, putReason(err))
	}
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

func (r *Record) written() {
	r.mu.Lock()
	r.wrote = true
	if r.onWrote != nil {
		close(r.onWrote)
		r.onWrote = nil
	}
	over := r.over
	if r.sending {
		r.sending = false
		r.use.Uploads(-1)
	}
	r.mu.Unlock()
	if over {
		r.cancel()
	}
}
