package roundtripper_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/roundtripper"
)

// TestReasonsOfTheClock has the causes that depend on time.
func TestReasonsOfTheClock(t *testing.T) {
	const limit = time.Minute
	for _, tt := range []cause{
		{name: "idle timeout", reason: "idle_timeout", blind: "unknown", stack: stack{base: func(t *http.Transport) { t.IdleConnTimeout = limit }},
			make: func(s *scene) {
				s.read("/", nil)
				time.Sleep(limit - 1)
				s.wantReused(s.read("/", nil))
				time.Sleep(limit)
			}},
		{name: "response header timeout", reason: "timeout", blames: true, stack: stack{base: func(t *http.Transport) { t.ResponseHeaderTimeout = limit }},
			make: func(s *scene) { s.fails("/silent", nil) }},
		{name: "deadline before the response", reason: "timeout", blames: true, make: func(s *scene) {
			ctx, cancel := context.WithTimeout(s.t.Context(), limit)
			defer cancel()
			s.fails("/silent", within(ctx))
		}},
		{name: "deadline in the body", reason: "timeout", blames: true, make: func(s *scene) {
			ctx, cancel := context.WithTimeout(s.t.Context(), limit)
			defer cancel()
			s.broken(s.do("/hang", within(ctx)))
		}},
		{name: "client's timeout in the body", reason: "timeout", blames: true, make: func(s *scene) {
			s.client.Timeout = limit
			s.broken(s.do("/hang", nil))
			s.client.Timeout = 0
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forStacks(t, tt.stack, func(t *testing.T, k stack) {
				inBubble(t, k, func(s *scene) {
					before := tt
					before.make = func(s *scene) {
						tt.make(s)
						synctest.Wait() // until the connection is closed
					}
					before.run(s)
				})
			})
		})
	}
}

// TestLossIsForgottenWhenItsConnectionWouldHaveIdledOut: after that time the
// connection would not be there anyway.
func TestLossIsForgottenWhenItsConnectionWouldHaveIdledOut(t *testing.T) {
	const limit = time.Minute
	for _, late := range []bool{false, true} {
		forStacks(t, stack{base: func(t *http.Transport) { t.IdleConnTimeout = limit }}, func(t *testing.T, k stack) {
			inBubble(t, k, func(s *scene) {
				s.do("/big", nil).Body.Close()
				s.next()
				culprit := s.culprit()
				time.Sleep(limit)
				if !late {
					s.wantNew(s.read("/", nil), "body_unread", culprit)
					return
				}
				time.Sleep(1 * time.Nanosecond)
				s.wantNew(s.read("/", nil), "idle_timeout", nobody)
			})
		})
	}
}

// TestLossesAreChargedMostRecentFirst, each to one dial. One that is too old does
// not stand in the way of the others, and is charged to no exchange.
func TestLossesAreChargedMostRecentFirst(t *testing.T) {
	const limit = time.Minute
	forStacks(t, stack{base: func(t *http.Transport) { t.IdleConnTimeout = limit }}, func(t *testing.T, k stack) {
		inBubble(t, k, func(s *scene) {
			var culprits []oteltrace.SpanContext
			for _, resp := range []*http.Response{s.do("/big", nil), s.do("/big", nil), s.do("/big", nil)} {
				time.Sleep(limit/2 + 1)
				resp.Body.Close()
				s.next()
				culprits = append(culprits, s.culprit())
			}
			time.Sleep(1 * time.Nanosecond)
			// Each keeps its connection, so that the next one has to dial.
			var dialed []*http.Response
			for range 3 {
				dialed = append(dialed, s.hold("/hold"))
			}
			for i, resp := range dialed {
				e, ok := roundtripper.ExchangeOf(resp)
				if !ok {
					t.Fatal("no exchange")
				}
				switch i {
				case 0, 1:
					s.wantNew(e, "body_unread", culprits[2-i])
				default:
					s.wantNew(e, "all_busy", nobody)
				}
			}
		})
	})
}
