package roundtripper_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/deadline"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// reasons are the causes over HTTP/1, plain and TLS.
var reasons = []cause{
	{name: "the first request", reason: "first", make: func(*scene) {}},
	{name: "busy", reason: "all_busy", make: func(s *scene) { s.hold("/hold") }},

	{name: "closed unread", reason: "body_unread", blames: true, make: func(s *scene) {
		s.do("/big", nil).Body.Close()
		s.next()
		s.gone(0)
	}},
	{name: "leaked", reason: "body_leaked", blames: true, make: func(s *scene) {
		leak(s)
		if e := s.collected(); !e.Leaked || e.Outcome != "leaked" {
			s.t.Errorf("exchange %+v, want a leak", e)
		}
		s.gone(0)
	}},
	{name: "canceled in the body", reason: "canceled", blames: true, make: func(s *scene) {
		ctx, cancel := context.WithCancel(s.t.Context())
		resp := s.do("/hang", within(ctx))
		cancel()
		if e := s.broken(resp); e.Outcome != "canceled" {
			s.t.Errorf("outcome %q, want canceled", e.Outcome)
		}
		s.gone(0)
	}},
	{name: "canceled before the response, with a cause", reason: "canceled", blames: true, make: func(s *scene) {
		ctx, cancel := context.WithCancelCause(s.t.Context())
		go func() {
			<-s.arrived
			cancel(errors.New("enough"))
		}()
		s.fails("/silent", within(ctx))
		s.gone(0)
	}},
	{name: "deadline in the body", reason: "timeout", blames: true, make: func(s *scene) {
		ctx, pass := deadline.Below(s.t.Context())
		resp := s.do("/hang", within(ctx))
		pass()
		s.broken(resp)
		s.gone(0)
	}},
	{name: "deadline before the response", reason: "timeout", blames: true, make: func(s *scene) {
		ctx, pass := deadline.Below(s.t.Context())
		go func() {
			<-s.arrived
			pass()
		}()
		s.fails("/silent", within(ctx))
		s.gone(0)
	}},

	{name: "idle limit of the host", reason: "idle_limit", blames: true, // the exchange that put back one connection too many
		stack: stack{base: func(t *http.Transport) { t.MaxIdleConnsPerHost = 1 }, pool: pool.Options{MaxIdlePerHost: 1}},
		make: func(s *scene) {
			a, b := s.do("/", nil), s.do("/", nil)
			s.whole(a)
			if e := s.whole(b); e.LostReason != "idle_limit" || e.Returned {
				s.t.Errorf("lost for %q, returned %v; want idle_limit, false", e.LostReason, e.Returned)
			}
			s.gone(1)
			s.hold("/hold") // takes the one that is left
		}},
	{name: "idle limit in all", reason: "idle_limit", blind: "unknown",
		stack: stack{base: func(t *http.Transport) { t.MaxIdleConns = 1 }},
		make: func(s *scene) {
			s.read("/", nil)
			s.elsewhere()
			s.gone(1)
		}},
	{name: "idle timeout", reason: "idle_timeout", blind: "unknown", always: true,
		stack: stack{base: func(t *http.Transport) { t.IdleConnTimeout = 30 * time.Millisecond }},
		make: func(s *scene) {
			s.read("/", nil)
			s.gone(0)
		}},
	{name: "maximum age", reason: "max_age", pooled: true, always: true, stack: stack{pool: pool.Options{MaxConnAge: 1}}, make: func(s *scene) {
		if e := s.read("/", nil); e.LostReason != "max_age" {
			s.t.Errorf("lost for %q, want max_age", e.LostReason)
		}
		s.gone(0)
	}},
	{name: "maximum of requests", reason: "max_requests", pooled: true, stack: stack{pool: pool.Options{MaxConnRequests: 2}}, make: func(s *scene) {
		s.read("/", nil)
		if e := s.read("/", nil); e.LostReason != "max_requests" || !e.Reused {
			s.t.Errorf("the second: lost for %q, reused %v", e.LostReason, e.Reused)
		}
		s.gone(0)
	}},
	{name: "CloseIdleConnections", reason: "closed_idle", make: func(s *scene) {
		s.read("/", nil)
		s.client.CloseIdleConnections()
		s.gone(0)
	}},
	{name: "CloseIdleConnections in flight", reason: "closed_idle", make: func(s *scene) {
		resp := s.do("/hold", nil)
		s.client.CloseIdleConnections()
		s.release()
		if e := s.whole(resp); e.LostReason != "closed_idle" || e.Returned {
			s.t.Errorf("lost for %q, returned %v; want closed_idle, false", e.LostReason, e.Returned)
		}
		s.gone(0)
	}},
	{name: "keep-alives disabled", reason: "keepalives_disabled", always: true,
		stack: stack{base: func(t *http.Transport) { t.DisableKeepAlives = true }},
		make: func(s *scene) {
			if e := s.read("/", nil); e.NewReason != "keepalives_disabled" || e.LostReason != "keepalives_disabled" {
				s.t.Errorf("the first: new for %q, lost for %q", e.NewReason, e.LostReason)
			}
		}},
	{name: "negative idle limit", reason: "keepalives_disabled", always: true,
		stack: stack{base: func(t *http.Transport) { t.MaxIdleConnsPerHost = -1 }},
		make:  func(s *scene) { s.read("/", nil) }},
	{name: "request said close", reason: "client_close", blames: true, make: func(s *scene) {
		s.read("/", func(r *http.Request) { r.Close = true })
		s.gone(0)
	}},
	{name: "request's header said close", reason: "client_close", blames: true, make: func(s *scene) {
		s.read("/", func(r *http.Request) { r.Header.Set("Connection", "close") })
		s.gone(0)
	}},

	{name: "response said close", reason: "server_close", blames: true, make: func(s *scene) { s.read("/close", nil); s.gone(0) }},
	{name: "response of HTTP/1.0", reason: "server_close", blames: true, make: func(s *scene) { s.read("/http10", nil); s.gone(0) }},
	{name: "body ended with the connection", reason: "server_close", blames: true, make: func(s *scene) { s.read("/unframed", nil); s.gone(0) }},
	{name: "server closed an idle connection", reason: "server_closed_idle", blind: "unknown", make: func(s *scene) {
		s.read("/", nil)
		s.srv.CloseClientConnections()
		s.gone(0)
	}},
	{name: "response that nobody asked for", reason: "protocol_error", blind: "unknown", make: func(s *scene) { s.answeredTwice("/unasked") }},
	{name: "short response that nobody asked for", reason: "protocol_error", blind: "unknown", make: func(s *scene) { s.answeredTwice("/unasked/short") }},
	{name: "response before the request was sent", reason: "early_response", blames: true, make: func(s *scene) { s.answeredEarly("/early"); s.gone(0) }},
	{name: "empty response before the request was sent", reason: "early_response", blames: true, make: func(s *scene) { s.answeredEarly("/early/none"); s.gone(0) }},
	{name: "body cut short", reason: "conn_error", blames: true, make: func(s *scene) {
		if e := s.broken(s.do("/cut", nil)); e.Err == nil || e.Outcome != "failed" {
			s.t.Errorf("outcome %q with error %v, want failed with one", e.Outcome, e.Err)
		}
		s.gone(0)
	}},
	{name: "closed instead of an answer", reason: "conn_error", blames: true, make: func(s *scene) { s.fails("/mute", nil); s.gone(0) }},
	{name: "answer that is not HTTP", reason: "conn_error", blames: true, make: func(s *scene) { s.fails("/garbage", nil); s.gone(0) }},
	{name: "upgraded", reason: "upgraded", blames: true, make: func(s *scene) {
		resp := s.do("/upgrade", func(r *http.Request) {
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Upgrade", "echo")
		})
		if e := s.next(); e.Outcome != "upgraded" {
			s.t.Errorf("outcome %q, want upgraded", e.Outcome)
		}
		rw := resp.Body.(io.ReadWriteCloser)
		io.WriteString(rw, "ping")
		got := make([]byte, 4)
		if _, err := io.ReadFull(rw, got); string(got) != "ping" || err != nil {
			s.t.Errorf("tunnel returned %q, %v", got, err)
		}
		rw.Close()
		s.gone(0)
	}},
}

// TestReasons makes each cause happen on a real connection and checks the reason of the next
// dial, and its culprit.
func TestReasons(t *testing.T) {
	for _, tt := range reasons {
		t.Run(tt.name, func(t *testing.T) {
			forStacks(t, tt.stack, func(t *testing.T, k stack) {
				if tt.pooled && !k.pooled {
					return
				}
				for name, o := range map[string]testserver.Options{"plain": {}, "TLS": {TLS: true}} {
					t.Run(name, func(t *testing.T) { tt.run(serverScene(t, o, k)) })
				}
			})
		})
	}
}
