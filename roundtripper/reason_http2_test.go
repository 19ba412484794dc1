package roundtripper_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/deadline"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// reasonsHTTP2 are the causes over HTTP/2, with a server that the row controls. Without pool
// there are the hooks alone, and over HTTP/2 they do not tell how a connection ends.
var reasonsHTTP2 = []cause{
	{name: "the first request", reason: "first", make: func(*scene) {}},
	{name: "server closed an idle connection", reason: "server_closed_idle", blind: "unknown", make: func(s *scene) {
		s.read("/", nil)
		s.peer.conn().end()
		s.gone(0)
	}},
	{name: "server cut an idle connection", reason: "server_closed_idle", blind: "unknown", make: func(s *scene) {
		s.read("/", nil)
		s.peer.conn().cut()
		s.gone(0)
	}},
	{name: "idle timeout", reason: "idle_timeout", blind: "unknown", always: true,
		stack: stack{base: func(t *http.Transport) { t.IdleConnTimeout = 30 * time.Millisecond }},
		make: func(s *scene) {
			s.read("/", nil)
			s.gone(0)
		}},
	{name: "CloseIdleConnections", reason: "closed_idle", make: func(s *scene) {
		s.idleHTTP2()
		s.client.CloseIdleConnections()
		s.gone(0)
	}},
	{name: "keep-alives disabled", reason: "keepalives_disabled", always: true,
		stack: stack{base: func(t *http.Transport) { t.DisableKeepAlives = true }},
		make: func(s *scene) {
			if e := s.read("/", nil); e.NewReason != "keepalives_disabled" || e.LostReason != "keepalives_disabled" {
				s.t.Errorf("the first: new for %q, lost for %q", e.NewReason, e.LostReason)
			}
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
	{name: "PINGs unanswered", reason: "dead", blind: "unknown", timed: true,
		stack: stack{base: func(t *http.Transport) {
			t.HTTP2 = &http.HTTP2Config{SendPingTimeout: time.Millisecond, PingTimeout: 200 * time.Millisecond}
		}},
		make: func(s *scene) {
			s.idleHTTP2()
			s.peer.mute.Store(true)
			s.gone(0)
			s.peer.mute.Store(false)
		}},
	{name: "request said close", reason: "client_close", blames: true, make: func(s *scene) {
		s.read("/", func(r *http.Request) { r.Close = true })
		s.gone(0)
	}},
	{name: "request's header said close", reason: "client_close", blames: true, make: func(s *scene) {
		s.read("/", func(r *http.Request) { r.Header.Set("Connection", "close") })
		s.gone(0)
	}},

	// Net/http closes the connection on another goroutine when the last stream has ended. Where that
	// comes behind the exchange's end, pool takes it for the program's own close: with the
	// race detector that was 1 in 200.
	{name: "GOAWAY under the last stream", reason: "goaway", seldom: "conn_error", blind: "unknown", make: func(s *scene) {
		s.peer.answers(func(st stream) {
			st.headers()
			st.goAway(st.id)
			st.data("x", true)
		})
		s.read("/", nil)
		s.peer.answers(stream.reply)
		s.gone(0)
	}},
	// Only the connection's owner can tell that from one that takes no more
	// streams, before it is closed; and only once it knows how many it takes.
	{name: "GOAWAY, and a stream goes on", reason: "goaway", blind: "unknown", make: func(s *scene) {
		s.read("/", nil)
		heard := make(chan struct{})
		s.peer.answers(func(st stream) {
			st.headers()
			st.goAway(st.id)
			st.heard(s.t)
			close(heard)
		})
		s.hold("/")
		<-heard
		s.peer.answers(stream.reply)
	}},

	{name: "closed in the body", reason: "conn_error", blind: "unknown", blames: true, make: func(s *scene) { s.breaks(true, (*peerConn).end) }},
	{name: "cut in the body", reason: "conn_error", blind: "unknown", blames: true, make: func(s *scene) { s.breaks(true, (*peerConn).cut) }},
	{name: "closed instead of an answer", reason: "conn_error", blind: "unknown", blames: true, make: func(s *scene) { s.breaks(false, (*peerConn).end) }},
	{name: "cut instead of an answer", reason: "conn_error", blind: "unknown", blames: true, make: func(s *scene) { s.breaks(false, (*peerConn).cut) }},
}

func TestReasonsHTTP2(t *testing.T) {
	for _, tt := range append(reasonsHTTP2, reasonsHTTP2OfThisGo...) {
		t.Run(tt.name, func(t *testing.T) {
			forStacks(t, tt.stack, func(t *testing.T, k stack) {
				if tt.pooled && !k.pooled {
					return
				}
				if tt.timed {
					peerInBubble(t, k, tt.run)
					return
				}
				tt.run(peerScene(t, k))
			})
		})
	}
}

// TestHTTP2RequestThatSaidCloseIsBlamedAtOnce: net/http gives its connection to no other
// request, and closes it when its stream has ended.
func TestHTTP2RequestThatSaidCloseIsBlamedAtOnce(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		s := peerScene(t, k)
		end := make(chan struct{})
		s.peer.answers(func(st stream) {
			st.headers()
			<-end
			st.data("x", true)
		})
		resp := s.do("/", func(r *http.Request) { r.Close = true })
		s.peer.answers(stream.reply)
		dialed := s.read("/", nil)
		close(end)
		s.whole(resp)
		s.wantNew(dialed, "client_close", s.culprit())
		s.gone(1)
		s.wantReused(s.read("/", nil))
	})
}

// breaks makes a request, and the server ends the connection under it.
func (s *scene) breaks(answered bool, end func(*peerConn)) {
	s.t.Helper()
	s.peer.answers(func(st stream) {
		if answered {
			st.headers()
			st.data("x", false)
			st.heard(s.t)
		}
		end(st.peerConn)
	})
	if answered {
		s.broken(s.do("/", nil))
	} else {
		s.fails("/", nil)
	}
	s.peer.answers(stream.reply)
	s.gone(0)
}

// TestHTTP2KeepsItsConnection: some events cost a connection over HTTP/1, and not over HTTP/2.
// The next request is on the same connection.
func TestHTTP2KeepsItsConnection(t *testing.T) {
	tests := []struct {
		name  string
		stack stack
		make  func(*scene)
	}{
		{name: "closed unread", make: func(s *scene) { s.do("/big", nil).Body.Close(); s.next() }},
		{name: "leaked", make: func(s *scene) { leak(s); s.collected() }},
		{name: "busy", make: func(s *scene) { s.hold("/hold") }},
		{name: "canceled in the body", make: func(s *scene) {
			ctx, cancel := context.WithCancel(s.t.Context())
			resp := s.do("/hang", within(ctx))
			cancel()
			s.broken(resp)
		}},
		{name: "deadline in the body", make: func(s *scene) {
			ctx, pass := deadline.Below(s.t.Context())
			resp := s.do("/hang", within(ctx))
			pass()
			s.broken(resp)
		}},
		{name: "handler aborted", make: func(s *scene) { s.broken(s.do("/cut", nil)) }}, // RST_STREAM
		{name: "response before the request was sent", make: func(s *scene) {
			if e := s.answeredEarly("/"); e.Outcome != "eof" {
				s.t.Errorf("outcome %q, want eof", e.Outcome)
			}
		}},
		{name: "idle limit in all", stack: stack{base: func(t *http.Transport) { t.MaxIdleConns = 1 }}, make: func(s *scene) {
			s.read("/", nil)
			s.elsewhere()
		}},
		{name: "negative idle limit", stack: stack{base: func(t *http.Transport) { t.MaxIdleConnsPerHost = -1 }, pool: pool.Options{MaxIdlePerHost: -1}},
			make: func(s *scene) {
				if e := s.read("/", nil); e.NewReason != "first" {
					s.t.Errorf("the first is new for %q", e.NewReason)
				}
			}},
		{name: "CloseIdleConnections in flight", make: func(s *scene) {
			resp := s.do("/hold", nil)
			s.client.CloseIdleConnections()
			s.release()
			s.whole(resp)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			forStacks(t, tt.stack, func(t *testing.T, k stack) {
				s := serverScene(t, testserver.Options{HTTP2: true}, k)
				tt.make(s)
				for len(s.ends) > 0 {
					s.next()
				}
				if s.lost != "" {
					t.Errorf("the exchange lost its connection for %q, want nothing", s.lost)
				}
				e := s.read("/", nil)
				s.wantReused(e)
				if e.Proto != "HTTP/2.0" || e.ConnID != 1 {
					t.Errorf("%s on connection %d, want HTTP/2.0 on 1", e.Proto, e.ConnID)
				}
			})
		})
	}
}
