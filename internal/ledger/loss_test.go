package ledger

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLossExpiresWithTheIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		l.idleTimeout = time.Minute
		a := asking(l)
		c := dial(t, a, 0)
		a.Got(c, false, false, time.Now())
		a.End(BodyUnread, false, time.Now())
		c.line.close()
		time.Sleep(2 * time.Minute) // the bubble's clock
		b := asking(l)
		if g := b.Got(dial(t, b, 0), false, false, time.Now()); g.Reason != IdleTimeout {
			t.Errorf("new for %q: the connection would have idled out by now", g.Reason)
		}
	})
}

func TestMostRecentLossIsChargedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		uses := [2]*Use{asking(l), asking(l)}
		var conns [2]*fakeConn
		for i, u := range uses {
			conns[i] = dial(t, u, 0)
			u.Got(conns[i], false, false, time.Now())
		}
		for i, cause := range [2]Reason{ServerClose, BodyUnread} {
			time.Sleep(time.Millisecond) // the bubble's clock
			uses[i].End(cause, false, time.Now())
			conns[i].line.close()
		}
		for _, want := range [3]Reason{BodyUnread, ServerClose, AllBusy} {
			u := asking(l)
			if g := u.Got(dial(t, u, 0), false, false, time.Now()); g.Reason != want {
				t.Errorf("new for %q, want %q", g.Reason, want)
			}
		}
	})
}

func TestDuplicateDialIsChargedToNobody(t *testing.T) {
	l := New(nil, Watched)
	a := asking(l)
	c := dial(t, a, 0)
	a.Got(c, false, false, time.Now())
	b := asking(l)
	extra := dial(t, b, 0)
	b.Got(c, true, true, time.Now())
	extra.line.close()
	l.each(func(h *Host) {
		if h.losses.Len() != 0 {
			t.Errorf("losses %+v, want none", h.losses)
		}
		if h.open != 1 || h.tally.Closed != 1 || h.tally.Opened != 2 {
			t.Errorf("open %d, closed %d, opened %d; want 1, 1, 2", h.open, h.tally.Closed, h.tally.Opened)
		}
	})
}

// What its age, or somebody's call, ended is not the fault of the exchange that
// had the connection then. The one that brought back one too many is told: it is
// a place to look at.
func TestLossByAgeOrCallBlamesNobody(t *testing.T) {
	for cause, blamed := range map[Reason]bool{
		ClosedIdle: false, MaxAge: false,
		IdleLimit: true, BodyUnread: true, BodyLeaked: true, Canceled: true, Timeout: true, ServerClose: true, ClientClose: true,
		EarlyResponse: true, ConnError: true, Upgraded: true, Unknown: true,
	} {
		l := New(nil, Watched)
		losing(t, l, cause)
		var culprit byte
		if blamed {
			culprit = 1
		}
		wantNew(t, l, cause, culprit)
	}
}
