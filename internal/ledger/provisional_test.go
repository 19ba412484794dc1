package ledger

import (
	"testing"
	"testing/synctest"
	"time"
)

// closedEarly is an exchange whose body was closed early and is drained by
// net/http in the background.
func closedEarly(t *testing.T, l *Ledger) (*Use, *fakeConn) {
	t.Helper()
	u := asking(l)
	u.Of = by(1)
	c := new(fakeConn)
	if l.watch == Watched {
		c = dial(t, u, 0)
	} else {
		c.line = &Conn{host: &Host{}} // another ledger's
	}
	u.Got(c, false, false, time.Now())
	u.End(BodyUnread, true, time.Now())
	return u, c
}

func TestDrainInTheBackground(t *testing.T) {
	for name, tt := range map[string]struct {
		watch  Watch
		then   func(*Use, *fakeConn)
		reused bool
		reason Reason
		blamed byte
	}{
		"goes on":                {Watched, func(*Use, *fakeConn) {}, false, Draining, 1},
		"goes on, nobody looks":  {Unwatched, func(*Use, *fakeConn) {}, false, BodyUnread, 1},
		"takes longer than ever": {Watched, func(*Use, *fakeConn) { time.Sleep(time.Hour) }, false, Draining, 1},
		"succeeds":               {Watched, func(u *Use, _ *fakeConn) { u.Put("") }, true, "", 0},
		"succeeds, unwatched":    {Unwatched, func(u *Use, _ *fakeConn) { u.Put("") }, true, "", 0},
		"fails":                  {Watched, func(_ *Use, c *fakeConn) { c.line.close() }, false, BodyUnread, 1},
		"comes to the limit": {Watched, func(u *Use, c *fakeConn) {
			u.Put(IdleLimit)
			c.line.close()
		}, false, IdleLimit, 1},
		"comes too late for a connection that is broken": {Watched, func(u *Use, c *fakeConn) {
			u.Put(ConnError)
			c.line.close()
		}, false, BodyUnread, 1},
		"comes to the limit, unwatched": {Unwatched, func(u *Use, c *fakeConn) { u.Put(IdleLimit) }, false, IdleLimit, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := New(nil, tt.watch)
				u, c := closedEarly(t, l)
				tt.then(u, c)
				next := asking(l)
				var g Got
				switch {
				case tt.reused:
					g = next.Got(c, true, false, time.Now())
				case tt.watch == Watched:
					g = next.Got(dial(t, next, 0), false, false, time.Now())
				default:
					g = next.Got(another(), false, false, time.Now())
				}
				if g.Reused != tt.reused || g.Reason != tt.reason || g.Culprit.SpanID[0] != tt.blamed {
					t.Errorf("reused %v, new for %q by %d; want %v, %q by %d", g.Reused, g.Reason, g.Culprit.SpanID[0], tt.reused, tt.reason, tt.blamed)
				}
				l.each(func(h *Host) {
					if h.losses.Len() != 0 {
						t.Errorf("losses %+v, want none", h.losses)
					}
				})
			})
		})
	}
}

// The request that was told draining has paid: it makes no difference to the
// next one how the drain ended.
func TestNobodyPaysForADrainTwice(t *testing.T) {
	for _, failed := range []bool{true, false} {
		l := New(nil, Watched)
		u, c := closedEarly(t, l)
		wantNew(t, l, Draining, 1)
		if failed {
			c.line.close()
			wantNew(t, l, AllBusy, 0)
			continue
		}
		u.Put("")
		next := asking(l)
		if g := next.Got(c, true, false, time.Now()); !g.Reused {
			t.Errorf("the connection that came back is new for %q", g.Reason)
		}
	}
}

// Net/http may find out after the end that a connection cannot be put back. That
// it is broken then is the consequence, not the cause.
func TestLossIsNotRenamedByARefusalThatComesLater(t *testing.T) {
	l := New(nil, Watched)
	u := asking(l)
	u.Of = by(1)
	c := dial(t, u, 0)
	u.Got(c, false, false, time.Now())
	u.End(Canceled, false, time.Now())
	u.Put(ConnError)
	c.line.close()
	wantNew(t, l, Canceled, 1)
}

// A dial is charged with it, the connection comes back and serves that dial's
// request, and then the dial fails.
func TestNobodyPaysForAConnectionThatCameBack(t *testing.T) {
	l := New(nil, Watched)
	u, conn := closedEarly(t, l)
	b := asking(l)
	d, err := b.admit(0, false)
	if err != nil {
		t.Fatal(err)
	}
	u.Put("")
	b.Got(conn, true, false, time.Now())
	d.Done()
	wantNew(t, l, AllBusy, 0)
}
