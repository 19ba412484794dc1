package ledger

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// raced plays a dial race: b asks while a has the only connection, and is given that one when
// a is done. B's dial goes on.
func raced(l *Ledger) *fakeConn {
	a := asks(l)
	c := another()
	a.GotConn(c, false, false, time.Now())
	b := asks(l)
	a.PutIdleConn(None)
	a.End(None, false, time.Now())
	b.GotConn(c, true, false, time.Now())
	b.ExpectRaceLoser(time.Now())
	b.PutIdleConn(None)
	b.End(None, false, time.Now())
	return c
}

// Httptrace calls a connection reused if it became idle when its dial was done.
func TestConnectionOfALostDialRaceIsNewWhenItIsUsed(t *testing.T) {
	l := New(nil)
	known := raced(l)
	c := asks(l)
	stray := another()
	if g := c.GotConn(stray, true, false, time.Now()); g.Reused || g.Uses != 1 || g.Reason != AllBusy {
		t.Errorf("reused %v, use %d, new for %q; want false, 1, all_busy", g.Reused, g.Uses, g.Reason)
	}
	// The known connection, which is idle, is not forgotten: c did not ask for it in vain.
	d := asks(l)
	if g := d.GotConn(known, true, false, time.Now()); !g.Reused || g.Uses != 3 {
		t.Errorf("the known one: reused %v, use %d; want true, 3", g.Reused, g.Uses)
	}
	// One race has one loser.
	e := asks(l)
	if g := e.GotConn(another(), true, false, time.Now()); !g.Reused || g.Uses != 0 {
		t.Errorf("a foreign one: reused %v, use %d; want true, 0", g.Reused, g.Uses)
	}
	// If it turns out dead, it was closed while it was idle.
	c.GetConn("", time.Now())
	if g := c.GotConn(another(), false, false, time.Now()); g.Reason != ServerClosedIdle {
		t.Errorf("tried again, new for %q; want server_closed_idle", g.Reason)
	}
}

func TestStrayIsAwaitedForAWhileOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		raced(l)
		time.Sleep(loserTime + time.Second) // the bubble's clock
		c := asks(l)
		if g := c.GotConn(another(), true, false, time.Now()); !g.Reused {
			t.Errorf("a foreign connection is new for %q: that dial has failed", g.Reason)
		}
	})
}

// With MaxConnsPerHost the request may have waited in a queue, and not dialed.
func TestNoStrayWhereRequestsQueue(t *testing.T) {
	l := New(&http.Transport{MaxConnsPerHost: 1})
	raced(l)
	c := asks(l)
	if g := c.GotConn(another(), true, false, time.Now()); !g.Reused {
		t.Errorf("a foreign connection is new for %q", g.Reason)
	}
}
