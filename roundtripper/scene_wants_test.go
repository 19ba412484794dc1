package roundtripper_test

import (
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/roundtripper"
)

// until waits until ok returns true.
func (s *scene) until(what string, ok func() bool) {
	s.t.Helper()
	eventually.True(s.t, what, ok)
}

// seen waits until pool has seen that its connections are gone, which is a moment after the
// server has closed them.
func (s *scene) seen() {
	s.t.Helper()
	s.until("pool's connections to close", func() bool { return s.pool.Stats().Open == 0 })
}

// gone waits until the client has closed all of its connections but n, and
// pool, if there is one, knows it.
func (s *scene) gone(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		open, pooled := int(s.open.Load()), n
		if s.pool != nil {
			pooled = s.pool.Stats().Open
		}
		if open == n && pooled == n {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the client has %d connections open, pool counts %d; want %d", open, pooled, n)
		}
	}
}

// next returns the next exchange that ends, or has ended. Its span is s.last.
func (s *scene) next() roundtripper.Exchange {
	s.t.Helper()
	select {
	case e := <-s.ends:
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.spans) > 0 {
			s.last, s.spans = s.spans[0], s.spans[1:]
		}
		s.lost = e.LostReason
		return e
	case <-time.After(20 * time.Second):
		s.t.Fatal("an exchange did not end")
		panic("unreachable")
	}
}

// wantNew fails the test unless e has a new connection, for reason, with the given span as
// culprit: the zero value is none.
func (s *scene) wantNew(e roundtripper.Exchange, reason roundtripper.NewReason, culprit oteltrace.SpanContext) {
	s.t.Helper()
	if e.Reused || e.NewReason != reason {
		s.t.Errorf("reused %v, new_reason %q; want a new connection, for %q", e.Reused, e.NewReason, reason)
	}
	if e.Culprit.TraceID != culprit.TraceID() || e.Culprit.SpanID != culprit.SpanID() {
		s.t.Errorf("new for %q, by trace %x, span %x; want %v, %v", e.NewReason, e.Culprit.TraceID, e.Culprit.SpanID, culprit.TraceID(), culprit.SpanID())
	}
}

func (s *scene) wantReused(e roundtripper.Exchange) {
	s.t.Helper()
	if !e.Reused || e.NewReason != "" || e.Culprit.SpanID != [8]byte{} {
		s.t.Errorf("reused %v, new_reason %q, culprit %x; want a reused connection and none of both", e.Reused, e.NewReason, e.Culprit.SpanID)
	}
}

// wantNoLoss fails the test if a loss waits for a dial. One connection must be idle.
func (s *scene) wantNoLoss() {
	s.t.Helper()
	s.hold("/hang")
	s.wantNew(s.read("/", nil), "all_busy", nobody)
}

// unkept counts the connections that net/http did not keep on a busy machine: see read. If the
// writing goroutine has not told yet that it wrote, the response seems early.
func unkept(ends ...roundtripper.Exchange) (n int) {
	for _, e := range ends {
		if e.LostReason == "unknown" || e.LostReason == "early_response" {
			n++
		}
	}
	return n
}

// culprit returns the span of the exchange that next returned last.
func (s *scene) culprit() oteltrace.SpanContext {
	s.t.Helper()
	if !s.last.IsValid() {
		s.t.Error("the culprit has no span")
	}
	return s.last
}

// there is no culprit.
var nobody oteltrace.SpanContext
