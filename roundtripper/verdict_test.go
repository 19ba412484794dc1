package roundtripper_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestCloseWakesEveryRead: HTTP/2's pipe alone would wake one of them.
func TestCloseWakesEveryRead(t *testing.T) {
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		s := newScene(t, o, nil, false)
		resp := s.do("/hang", nil)
		const n = 5
		done := make(chan error, n)
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		for range n {
			reading := make(chan struct{})
			go func() {
				close(reading)
				_, err := resp.Body.Read(make([]byte, 1))
				done <- err
			}()
			<-reading
		}
		resp.Body.Close()
		for range n {
			select {
			case err := <-done:
				if err == nil || err == io.EOF {
					t.Errorf("a Read under Close returned %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("HTTP/2 %v: Close has left a Read asleep", o.HTTP2)
			}
		}
		if e := s.next(); e.Outcome != roundtripper.OutcomeClosed {
			t.Errorf("outcome %q, want closed", e.Outcome)
		}
	}
}

// TestHTTP2ConnectionFirstSeenInUse: the exchange that it was dialed for may
// have ended before it could be told of it. The next one must not write a
// shared connection off.
func TestHTTP2ConnectionFirstSeenInUse(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{HTTP2: true})
	defer srv.Close()
	config := srv.ClientTLS()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", srv.Addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h := newHooked()
	h.base = func(req *http.Request, c *httptrace.ClientTrace) (*http.Response, error) {
		c.GetConn(srv.Addr)
		c.GotConn(httptrace.GotConnInfo{Conn: conn, Reused: true})
		return nil, context.Canceled
	}
	req, _ := http.NewRequest("GET", srv.URL, nil)
	if _, err := h.rt.RoundTrip(req); err == nil {
		t.Fatal("no error")
	}
	if e := h.ends[0]; e.LostReason != "" || e.Outcome != roundtripper.OutcomeCanceled {
		t.Errorf("outcome %q, lost for %q; want canceled and none", e.Outcome, e.LostReason)
	}
	if s := h.pool.Stats(); s.Open != 1 || s.Idle != 1 {
		t.Errorf("%d connections open and %d idle, want 1 and 1", s.Open, s.Idle)
	}
}

// TestNoBodyNeedsNoClose: who leaves a response without a body unclosed holds
// no slot by it, over HTTP/2 too.
func TestNoBodyNeedsNoClose(t *testing.T) {
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		s := newScene(t, o, nil, true)
		for _, method := range []string{"HEAD", "GET"} {
			resp := s.do("/none", func(r *http.Request) { r.Method = method })
			if e := s.next(); e.Outcome != roundtripper.OutcomeNone || e.Proto != resp.Proto {
				t.Errorf("%s over %s: outcome %q, want none", method, resp.Proto, e.Outcome)
			}
			if st := s.pool.Stats(); st.InUse != 0 {
				t.Errorf("%s over %s: %d slots in use, want 0", method, resp.Proto, st.InUse)
			}
			if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("%s over %s: the body has %d bytes, %v", method, resp.Proto, n, err)
			}
		}
	}
}
