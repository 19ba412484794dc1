package record

import (
	"crypto/tls"
	"net/http/httptrace"
	"time"
)

// The hooks run on net/http's goroutines, some after the exchange has ended.

func (r *Record) getConn(string) {
	now := time.Now()
	r.use.Ask(now)
	r.mu.Lock()
	if r.asked.IsZero() {
		r.asked = now
	}
	r.mu.Unlock()
}

func (r *Record) gotConn(info httptrace.GotConnInfo) {
	now := time.Now()
	shared := false
	if tc, ok := info.Conn.(*tls.Conn); ok && !info.Reused {
		shared = tc.ConnectionState().NegotiatedProtocol == "h2"
	}
	g := r.use.Got(info.Conn, info.Reused, shared, now)

	r.mu.Lock()
	defer r.mu.Unlock()
	f := &r.facts
	f.ConnID, f.ConnUses, f.ConnAge = g.ConnID, g.Uses, g.Age
	f.Reused, f.NewReason, f.Culprit = g.Reused, g.Reason, g.Culprit
	f.WasIdle, f.IdleTime = info.WasIdle, info.IdleTime
	if info.Conn != nil {
		f.Local, f.Remote = info.Conn.LocalAddr(), info.Conn.RemoteAddr()
	}
	if !r.asked.IsZero() {
		f.ConnWait = now.Sub(r.asked)
	}
	if r.maxAge > 0 && g.Age > r.maxAge && !shared && len(r.header["Connection"]) == 0 {
		// net/http writes the header after this hook. The server answers, and
		// the connection ends without having failed anybody.
		r.header["Connection"] = []string{"close"}
		r.retired = true
	}
}

func (r *Record) putIdleConn(err error) { r.use.Put(err) }

// wroteRequest is installed only for a request with a body. The derived
// context must outlive the writing: cancelling it when the response has ended
// first would break an upload that still runs.
func (r *Record) wroteRequest(httptrace.WroteRequestInfo) {
	r.mu.Lock()
	r.wrote = true
	over := r.over
	r.mu.Unlock()
	if over {
		r.leg.cancel()
	}
}

// release cancels the derived context: now, or once the request is written if
// the response came to its end before that.
func (r *Record) release(out Outcome) {
	r.mu.Lock()
	r.over = true
	now := r.wrote
	r.mu.Unlock()
	switch out {
	case OutcomeNone, OutcomeEOF, OutcomeDrained, OutcomeUpgraded:
	default:
		now = true
	}
	if now && r.leg.cancel != nil {
		r.leg.cancel()
	}
}

// uploading reports whether the request may still be written after the end of
// the response. Where the base calls no hooks that can't be known, and the
// context lasts until the caller has dropped the response.
func (r *Record) uploading() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.wrote
}
