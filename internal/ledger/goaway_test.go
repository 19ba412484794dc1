package ledger

import (
	"testing"
	"time"
)

// From Go 1.27 on net/http ends its reading by itself when it reads GOAWAY and no
// stream is open. It also does where the server breaks the protocol; that shows
// in the streams that fail, or not at all.
func TestHTTP2ReadingThatEndsByItselfIsGoAway(t *testing.T) {
	fails := func(uses []*Use, c *fakeConn) { uses[0].End(ConnError, false, time.Now()) }
	for name, tt := range map[string]struct {
		before func([]*Use, *fakeConn)
		want   Reason
	}{
		"idle": {func(uses []*Use, c *fakeConn) { uses[0].End("", false, time.Now()) }, GoAway},
		"idle, and the server ended it first": {func(uses []*Use, c *fakeConn) {
			uses[0].End("", false, time.Now())
			c.line.PeerEnded(true)
		}, ServerClosedIdle},
		"under a stream":        {func([]*Use, *fakeConn) {}, Unknown},
		"after a stream failed": {fails, Unknown},
		"after the next was fine": {func(uses []*Use, c *fakeConn) {
			fails(uses, c)
			uses[0] = asking(uses[0].host.ledger)
			uses[0].Got(c, true, true, time.Now())
			uses[0].End("", false, time.Now())
		}, GoAway},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(nil, Watched)
			uses, c := riding(t, l, 1)
			tt.before(uses, c)
			c.line.Closing(ReadEnded)
			c.line.Closed()
			if g := newFor(t, l); g.Reason != tt.want || g.Culprit.SpanID != [8]byte{} {
				t.Errorf("new for %q by %x, want %q by nobody", g.Reason, g.Culprit.SpanID, tt.want)
			}
		})
	}
}
