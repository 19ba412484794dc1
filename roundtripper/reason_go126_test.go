//go:build !go1.27

package roundtripper_test

import (
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

var reasonsHTTP2OfThisGo []cause

// closedUnderRead is the reason of a loss by a Close of the body during a Read.
const closedUnderRead = roundtripper.ReasonBodyUnread

// TestGOAWAYOnAnIdleConnection: on Go 1.26 net/http leaves the connection open,
// and uses it for nothing. Only its owner can tell why the next request dials.
func TestGOAWAYOnAnIdleConnection(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		for name, ends := range map[string]bool{"open": false, "ended": true} {
			t.Run(name, func(t *testing.T) {
				s := peerScene(t, k)
				s.idleHTTP2()
				conn := s.peer.conn()
				conn.goAway(1)
				conn.heard(t)
				want := roundtripper.NewReason("unknown")
				if ends {
					conn.end()
					s.gone(0)
				}
				if s.pool != nil {
					want = "goaway"
				}
				s.wantNew(s.read("/", nil), want, nobody)
				s.wantReused(s.read("/", nil))
			})
		}
	})
}

// TestNetHTTPDrainsNothingBeforeGo127: a body that was closed early costs its
// connection at once, however little is left of it. The word draining is not
// net/http's on this Go; only drain, the layer, can be the reason for it.
func TestNetHTTPDrainsNothingBeforeGo127(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		for name, o := range map[string]testserver.Options{"plain": {}, "TLS": {TLS: true}} {
			t.Run(name, func(t *testing.T) {
				s := serverScene(t, o, k)
				s.do("/hold", nil).Body.Close()
				if e := s.next(); e.LostReason != "body_unread" {
					t.Errorf("lost for %q, want body_unread", e.LostReason)
				}
				culprit := s.culprit()
				s.wantNew(s.read("/", nil), "body_unread", culprit)
				s.wantReused(s.read("/", nil))
			})
		}
	})
}
