package ledger

import (
	"testing"
	"time"
)

// Net/http honours Request.Close over HTTP/2 too, once all streams have ended.
// It closes where it also closes after GOAWAY, so the stack shows that.
func TestHTTP2RequestThatSaidCloseIsTheCulprit(t *testing.T) {
	for _, order := range []string{"asked before its end", "closed before its end", "closed after its end"} {
		l := New(nil, Watched)
		uses, c := riding(t, l, 1)
		last := new(Use)
		last.Close, last.Of = true, by(7)
		l.Begin(last, key, nil, time.Now())
		last.Ask("", time.Now())
		last.Got(c, true, true, time.Now())
		uses[0].End("", false, time.Now())
		end := func() {
			if lost := last.End(ClientClose, false, time.Now()); lost != ClientClose {
				t.Errorf("%s: lost for %q", order, lost)
			}
		}
		close := func() {
			c.line.Closing(GoAway)
			c.line.Closed()
		}
		switch order {
		case "closed before its end":
			close()
			end()
		case "closed after its end":
			end()
			close()
		}
		if g := newFor(t, l); g.Reason != ClientClose || g.Culprit.SpanID[0] != 7 {
			t.Errorf("%s: new for %q by %x, want client_close by the request that said so", order, g.Reason, g.Culprit.SpanID)
		}
		// Nobody pays for it again.
		end()
		close()
		l.each(func(h *Host) {
			if h.losses.Len() != 0 {
				t.Errorf("%s: losses %+v, want none", order, h.losses)
			}
		})
	}
}

// A stack without ALPN to look at (h2c), or with a layer below that asks for
// the end, knows it only from the response.
func TestHTTP2RequestThatSaidCloseBelowTheKitIsTheCulprit(t *testing.T) {
	l := New(nil, Watched)
	u := asking(l)
	u.Of = by(7)
	c := dial(t, u, 0)
	u.Got(c, false, false, time.Now())
	u.Share()
	c.line.Closing(GoAway)
	c.line.Closed()
	u.End(ClientClose, false, time.Now())
	if g := newFor(t, l); g.Reason != ClientClose || g.Culprit.SpanID[0] != 7 {
		t.Errorf("new for %q by %x, want client_close by the request that said so", g.Reason, g.Culprit.SpanID)
	}
}

// It got the connection at the same moment: the fate of that is sealed.
func TestHTTP2RequestBesideOneThatSaidCloseDoesNotSaveTheConnection(t *testing.T) {
	l := New(nil, Watched)
	uses, c := riding(t, l, 1)
	last := new(Use)
	last.Close = true
	l.Begin(last, key, nil, time.Now())
	last.Ask("", time.Now())
	last.Got(c, true, true, time.Now())
	beside := asking(l)
	beside.Got(c, true, true, time.Now())
	for _, u := range append(uses, beside) {
		u.End("", false, time.Now())
	}
	c.line.Closing(GoAway)
	c.line.Closed()
	if g := newFor(t, l); g.Reason != ClientClose {
		t.Errorf("new for %q, want client_close", g.Reason)
	}
	last.End(ClientClose, false, time.Now())
}

// Nobody watches it, and the exchange that cost it ends before another one on
// it does: it is gone with the last, not idle.
func TestHTTP2ConnectionThatIsLostEndsWithItsLastStream(t *testing.T) {
	l := New(nil, Unwatched)
	c := another()
	a, b := asking(l), new(Use)
	b.Close = true
	a.Got(c, false, true, time.Now())
	l.Begin(b, key, nil, time.Now())
	b.Ask("", time.Now())
	b.Got(c, true, true, time.Now())
	b.End(ClientClose, false, time.Now())
	a.End("", false, time.Now())
	l.Counts(func(n Counts) {
		if n.Open != 0 {
			t.Errorf("%d connections open, %d idle; want none", n.Open, n.Idle)
		}
	})
}

// CloseIdleConnections does not close an HTTP/2 connection one of whose streams
// net/http has not forgotten yet, though its body was read to the end.
func TestHTTP2ConnectionThatCloseIdleSparedIsNotLost(t *testing.T) {
	l := New(nil, Unwatched)
	c := another()
	a := asking(l)
	a.Got(c, false, true, time.Now())
	a.End("", false, time.Now())
	l.CloseIdle()
	b := asking(l)
	if g := b.Got(c, true, true, time.Now()); !g.Reused || g.Uses != 2 {
		t.Errorf("reused %v, use %d; want true, 2", g.Reused, g.Uses)
	}
	b.End("", false, time.Now())
	// And when it does, the next one takes its place in the book.
	l.CloseIdle()
	d := asking(l)
	if g := d.Got(another(), false, true, time.Now()); g.Reason != ClosedIdle {
		t.Errorf("new for %q, want closed_idle", g.Reason)
	}
	l.each(func(h *Host) {
		if h.losses.Len() != 0 || h.open != 1 || len(h.conns) != 1 {
			t.Errorf("losses %+v, %d connections open, %d known; want none, 1, 1", h.losses, h.open, len(h.conns))
		}
	})
}
