package roundtripper_test

import (
	"testing"

	"github.com/warmconn/warmconn/roundtripper"
)

// TestRequestThatGOAWAYRefusesIsToldSo: net/http sends the request again by itself, over a new
// connection, and the request has the reason for that.
func TestRequestThatGOAWAYRefusesIsToldSo(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		s := peerScene(t, k)
		s.peer.answers(func(st stream) {
			s.peer.answers(stream.reply)
			st.goAway(0) // it was the only stream
		})
		e := s.read("/", nil)
		if s.pool == nil {
			s.wantNew(e, "unknown", nobody)
		} else {
			s.wantNew(e, "goaway", nobody)
		}
		if e.ConnUses != 1 || e.LostReason != "" {
			t.Errorf("use %d, lost for %q; want 1 and nothing", e.ConnUses, e.LostReason)
		}
		s.wantReused(s.read("/", nil))
		s.gone(1)
	})
}

// TestConnectionThatWasDialedPastIsNotPaidForTwice: the request that dialed while a stream went
// on was charged with the loss. The connection is closed with that stream, and the close is not
// charged to another request.
func TestConnectionThatWasDialedPastIsNotPaidForTwice(t *testing.T) {
	forStacks(t, stack{}, func(t *testing.T, k stack) {
		s := peerScene(t, k)
		s.read("/", nil) // before that, it may be that the server takes one stream only
		for range 3 {
			heard, end := make(chan struct{}), make(chan struct{})
			s.peer.answers(func(st stream) {
				st.headers()
				st.goAway(st.id)
				st.heard(t)
				close(heard)
				<-end
				st.data("x", true)
			})
			resp := s.do("/", nil)
			<-heard
			s.peer.answers(stream.reply)
			want := roundtripper.NewReason("unknown") // each time: that of the last round is no exchange's loss
			if s.pool != nil {
				want = "goaway"
			}
			s.wantNew(s.read("/", nil), want, nobody)
			close(end)
			s.whole(resp)
			s.gone(1)
		}
	})
}
