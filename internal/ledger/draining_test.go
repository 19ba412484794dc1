package ledger

import (
	"testing"
	"testing/synctest"
	"time"
)

// One drain holds one connection: of two requests that dial meanwhile the second would have
// dialed anyway, and when the drain has failed no more dials are charged with it.
func TestDrainIsPaidByOneDial(t *testing.T) {
	for _, cause := range []Reason{None, BodyUnread, Canceled} {
		for _, paid := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				l := New(nil)
				a, c := asks(l), another()
				a.Owner = by(1)
				a.GotConn(c, false, false, time.Now())
				a.Draining(time.Now())
				time.Sleep(time.Millisecond) // the bubble's clock
				if paid {
					wantNew(t, l, Draining, 1)
					wantNew(t, l, AllBusy, 0)
				}
				time.Sleep(time.Millisecond)
				if cause == None {
					a.PutIdleConn(None)
				}
				a.End(cause, false, time.Now())
				time.Sleep(time.Millisecond)
				switch {
				case cause == None:
					b := asks(l)
					if g := b.GotConn(c, true, false, time.Now()); !g.Reused {
						t.Errorf("the connection that came back is new for %q", g.Reason)
					}
				case paid:
					wantNew(t, l, AllBusy, 0)
				default:
					wantNew(t, l, cause, 1)
				}
				wantSettled(t, l)
			})
		}
	}
}

// From Go 1.27 on net/http drains by itself, and calls PutIdleConn after the end.
func TestDrainByNetHTTP(t *testing.T) {
	for name, tt := range map[string]struct {
		then   func(*Entry)
		reused bool
		reason Reason
		blamed byte
	}{
		"goes on, nobody looks": {func(*Entry) {}, false, BodyUnread, 1},
		"succeeds":              {func(u *Entry) { u.PutIdleConn(None) }, true, None, 0},
		"comes to the limit":    {func(u *Entry) { u.PutIdleConn(IdleLimit) }, false, IdleLimit, 1},
		// The connection is broken then as a consequence: that is not the cause.
		"comes too late": {func(u *Entry) { u.PutIdleConn(ConnError) }, false, BodyUnread, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(nil)
			u, c := asks(l), another()
			u.Owner = by(1)
			u.GotConn(c, false, false, time.Now())
			u.End(BodyUnread, true, time.Now())
			tt.then(u)
			next, nc := asks(l), another()
			if tt.reused {
				nc = c
			}
			g := next.GotConn(nc, tt.reused, false, time.Now())
			if g.Reused != tt.reused || g.Reason != tt.reason || g.Culprit.SpanID[0] != tt.blamed {
				t.Errorf("reused %v, new for %q by %d; want %v, %q by %d", g.Reused, g.Reason, g.Culprit.SpanID[0], tt.reused, tt.reason, tt.blamed)
			}
			wantSettled(t, l)
		})
	}
}

func TestLossIsNotRenamedByARefusalThatComesLater(t *testing.T) {
	l := New(nil)
	u := asks(l)
	u.Owner = by(1)
	u.GotConn(another(), false, false, time.Now())
	u.End(Canceled, false, time.Now())
	u.PutIdleConn(ConnError)
	wantNew(t, l, Canceled, 1)
}
