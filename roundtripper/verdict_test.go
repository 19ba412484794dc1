package roundtripper_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

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
