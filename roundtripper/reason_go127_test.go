//go:build go1.27

package roundtripper_test

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// From Go 1.27 on net/http closes an HTTP/2 connection that hears GOAWAY while it
// is idle.
var reasonsHTTP2OfThisGo = []cause{
	{name: "GOAWAY on an idle connection", reason: "goaway", blind: "unknown", make: func(s *scene) {
		s.idleHTTP2()
		s.peer.conn().goAway(1)
		s.gone(0)
	}},
}

// closedUnderRead is the reason of a loss by a Close of the body during a Read: net/http may
// still bring the connection back.
const closedUnderRead = roundtripper.ReasonDraining

// nativeDrain is the time that net/http takes at most for a drain in the background
// (maxPostCloseReadTime).
const nativeDrain = 50 * time.Millisecond

// closesEarly closes the body of a response that net/http drains in the background. The channel
// has PutIdleConn's error, if that hook is called; the exchange has the drain's result if it
// was quick.
func (s *scene) closesEarly(ended roundtripper.NewReason, before func()) (put chan error) {
	s.t.Helper()
	put = make(chan error, 1)
	hooks := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{PutIdleConn: func(err error) { put <- err }})
	resp := s.do("/hold", within(hooks))
	if before != nil {
		before()
	}
	resp.Body.Close()
	if e := s.next(); e.LostReason != "draining" && e.LostReason != ended || e.Outcome != "closed" || e.Returned != (e.LostReason == "") {
		s.t.Errorf("outcome %q, returned %v, lost for %q; want closed, and draining or %q", e.Outcome, e.Returned, e.LostReason, ended)
	}
	return put
}

// inTime runs f, in a new scene each time, until it has taken less time than net/http's drain
// may take: on a busy machine net/http may have given the drain up before f was done.
func inTime(t *testing.T, o testserver.Options, k stack, f func(*scene) (ok bool)) {
	t.Helper()
	for try := range 50 {
		s := serverScene(t, o, k)
		began := time.Now()
		ok := f(s)
		took := time.Since(began)
		if ok || t.Failed() {
			return
		}
		if took < nativeDrain {
			t.Fatalf("try %d: not what was to be seen, after %v", try, took)
		}
	}
	t.Fatal("this machine is too busy for a drain of 50 ms, 50 times in a row")
}

func TestNetHTTPDrainsInTheBackground(t *testing.T) {
	tests := []struct {
		name  string
		stack stack
		play  func(*scene) bool
	}{
		{name: "and the next request does not wait for it", play: func(s *scene) bool {
			s.closesEarly("draining", nil)
			culprit := s.culprit()
			e := s.read("/", nil)
			reason := roundtripper.NewReason("draining")
			if s.pool == nil {
				reason = "body_unread" // whether it goes on can't be seen
			} else if e.NewReason == "body_unread" {
				return false // it was given up before that
			}
			s.wantNew(e, reason, culprit)
			s.wantReused(s.read("/", nil))
			return true
		}},
		{name: "and the connection comes back", play: func(s *scene) bool {
			put := s.closesEarly("", s.release)
			select {
			case err := <-put:
				if err != nil {
					s.t.Errorf("the connection was not put back: %v", err)
				}
			case <-s.closed():
				return false
			}
			s.wantReused(s.read("/", nil))
			s.wantNoLoss()
			return true
		}},
		{name: "and the body is too slow", play: func(s *scene) bool {
			s.closesEarly("draining", nil)
			culprit := s.culprit()
			s.gone(0)
			s.wantNew(s.read("/", nil), "body_unread", culprit)
			s.wantReused(s.read("/", nil))
			return true
		}},
		{name: "and the connection is one too many",
			stack: stack{base: func(t *http.Transport) { t.MaxIdleConnsPerHost = 1 }, pool: pool.Options{MaxIdlePerHost: 1}},
			play: func(s *scene) bool {
				var other roundtripper.Exchange
				put := s.closesEarly("idle_limit", func() {
					other = s.read("/", nil)
					s.release()
				})
				culprit := s.culprit()
				if other.NewReason != "all_busy" {
					s.t.Errorf("the other is new for %q", other.NewReason)
				}
				s.gone(1)
				select {
				case err := <-put:
					if err == nil && s.pool == nil { // net/http does not keep it, but the pool does not either
						s.t.Error("a second connection was put back, over a limit of one")
					}
				default:
					return false
				}
				s.hold("/hold") // takes the one that is left
				s.wantNew(s.read("/", nil), "idle_limit", culprit)
				return true
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			forStacks(t, tt.stack, func(t *testing.T, k stack) {
				for name, o := range map[string]testserver.Options{"plain": {}, "TLS": {TLS: true}} {
					t.Run(name, func(t *testing.T) { inTime(t, o, k, tt.play) })
				}
			})
		})
	}
}

// TestNetHTTPDrainsOnlySoMuch: net/http reads 256 KiB, which takes no time here, and then
// closes the connection.
func TestNetHTTPDrainsOnlySoMuch(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		s := serverScene(t, testserver.Options{}, k)
		s.do("/endless", nil).Body.Close()
		s.next()
		culprit := s.culprit()
		s.gone(0)
		s.wantNew(s.read("/", nil), "body_unread", culprit)
		s.wantReused(s.read("/", nil))
	})
}

// TestNetHTTPDrainsForSoLong is the same for net/http's limit of time, with a fake clock.
func TestNetHTTPDrainsForSoLong(t *testing.T) {
	for _, late := range []bool{false, true} {
		forStacks(t, stack{}, func(t *testing.T, k stack) {
			inBubble(t, k, func(s *scene) {
				s.closesEarly("draining", nil)
				culprit := s.culprit()
				time.Sleep(nativeDrain - 1)
				want := roundtripper.NewReason("draining")
				if late {
					time.Sleep(2)
					want = "body_unread"
				}
				if s.pool == nil {
					want = "body_unread"
				}
				s.wantNew(s.read("/", nil), want, culprit)
				s.wantReused(s.read("/", nil))
			})
		})
	}
}

// closed is closed when the client has no connection open.
func (s *scene) closed() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s.open.Load() > 0 && s.t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}()
	return done
}

// TestNetHTTPDrainsUnderARead: if the end of the body comes in time, the Read returns it, and
// the connection is put back.
func TestNetHTTPDrainsUnderARead(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		inBubble(t, k, func(s *scene) {
			done, _ := s.closesUnderRead(synctest.Wait)
			s.release()
			// One more byte, or the end, if net/http has taken that.
			if err := <-done; err != nil && err != io.EOF {
				t.Errorf("the Read returned %v", err)
			}
			synctest.Wait()
			s.wantReused(s.read("/", nil))
			s.wantNoLoss()
		})
	})
}

// TestNetHTTPDrainsUnderAReadForSoLong: after net/http's limit the Read returns the error of a
// closed body. The test is not in a bubble, for net/http's drain waits for the Read's lock.
func TestNetHTTPDrainsUnderAReadForSoLong(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		s := serverScene(t, testserver.Options{}, k)
		done, culprit := s.closesUnderRead(func() {})
		if err := <-done; err != http.ErrBodyReadAfterClose {
			t.Errorf("the Read returned %v", err)
		}
		s.gone(0)
		s.wantNew(s.read("/", nil), "body_unread", culprit)
	})
}

// closesUnderRead closes a body during a Read, when settled has returned. The channel has the
// Read's error.
func (s *scene) closesUnderRead(settled func()) (done chan error, culprit oteltrace.SpanContext) {
	s.t.Helper()
	resp := s.do("/hold", nil)
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		s.t.Fatal(err)
	}
	done = make(chan error, 1)
	reading := make(chan struct{})
	go func() {
		close(reading)
		_, err := resp.Body.Read(make([]byte, 1))
		done <- err
	}()
	<-reading
	settled()
	resp.Body.Close()
	if e := s.next(); e.Outcome != "closed" || e.LostReason != "draining" || e.BytesRead != 1 {
		s.t.Errorf("outcome %q, lost for %q, %d bytes; want closed, draining, 1", e.Outcome, e.LostReason, e.BytesRead)
	}
	return done, s.culprit()
}
