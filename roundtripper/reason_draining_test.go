package roundtripper_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestDrainInTheBackgroundIsNamed: drain reads the rest of a body, if it is asked
// to, after Close has returned. One request that comes meanwhile pays for that;
// another would have dialed anyway.
func TestDrainInTheBackgroundIsNamed(t *testing.T) {
	layer := drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Minute, Background: 100})
	forStacks(t, stack{drain: layer.Middleware}, func(t *testing.T, k stack) {
		for name, o := range map[string]testserver.Options{"plain": {}, "TLS": {TLS: true}} {
			t.Run(name, func(t *testing.T) {
				s := serverScene(t, o, k)
				s.do("/hold", nil).Body.Close()
				dialed := []*http.Response{s.hold("/hang"), s.hold("/hang")}
				s.release()
				if e := s.next(); e.Outcome != "drained" || !e.Returned || e.LostReason != "" {
					t.Errorf("outcome %q, returned %v, lost for %q; want drained, true and nothing", e.Outcome, e.Returned, e.LostReason)
				}
				culprit := s.culprit()
				for i, resp := range dialed {
					e, ok := roundtripper.ExchangeOf(resp)
					if !ok {
						t.Fatal("no exchange")
					}
					if i == 0 {
						s.wantNew(e, "draining", culprit)
					} else {
						s.wantNew(e, "all_busy", nobody)
					}
				}
				s.wantReused(s.read("/", nil)) // the connection came back
				s.wantNoLoss()
			})
		}
	})
}
