package roundtripper_test

import (
	"io"
	"net/http"
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
