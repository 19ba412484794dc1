//go:build !go1.27

package roundtripper_test

import (
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
)

// On Go 1.26 net/http leaves an HTTP/2 connection open that has heard GOAWAY, and
// uses it for nothing. Who dials then, and why, shows only when it is closed.
var reasonsHTTP2OfThisGo = []cause{
	{name: "GOAWAY on an idle connection", reason: "unknown", make: func(s *scene) {
		s.read("/", nil)
		s.peer.conn().goAway(1)
		s.peer.conn().heard(s.t)
	}},
	{name: "GOAWAY on an idle connection, and its end", reason: "server_closed_idle", blind: "unknown", make: func(s *scene) {
		s.read("/", nil)
		s.peer.conn().goAway(1)
		s.peer.conn().end()
		s.gone(0)
	}},
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
