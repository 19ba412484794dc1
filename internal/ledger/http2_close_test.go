package ledger

import (
	"testing"
	"time"
)

// Net/http honours Request.Close over HTTP/2 too, once all streams have ended.
func TestHTTP2RequestThatSaidCloseIsTheCulprit(t *testing.T) {
	for _, ended := range []bool{false, true} {
		l := New(nil)
		uses, c := riding(l, 1)
		last := new(Entry)
		last.Close, last.Owner = true, by(7)
		l.Begin(last, key, nil, time.Now())
		last.GetConn("", time.Now())
		last.GotConn(c, true, true, time.Now())
		uses[0].End(None, false, time.Now())
		end := func() {
			if lost, _ := last.End(ClientClose, false, time.Now()); lost != ClientClose {
				t.Errorf("ended first %v: lost for %q", ended, lost)
			}
		}
		if ended {
			end()
		}
		if g := newFor(l); g.Reason != ClientClose || g.Culprit.SpanID[0] != 7 {
			t.Errorf("ended first %v: new for %q by %x, want client_close by the request that said so", ended, g.Reason, g.Culprit.SpanID)
		}
		end() // no other dial is charged with it
		wantSettled(t, l)
	}
}

// Without ALPN (h2c), or with a layer below that asks for the close, only the response shows
// that the connection speaks HTTP/2.
func TestHTTP2RequestThatSaidCloseBelowTheKitIsTheCulprit(t *testing.T) {
	l := New(nil)
	u := asks(l)
	u.Owner = by(7)
	u.GotConn(another(), false, false, time.Now())
	u.Share()
	u.End(ClientClose, false, time.Now())
	if g := newFor(l); g.Reason != ClientClose || g.Culprit.SpanID[0] != 7 {
		t.Errorf("new for %q by %x, want client_close by the request that said so", g.Reason, g.Culprit.SpanID)
	}
}

// The second exchange was given the connection at the same moment; the server closes it all
// the same.
func TestHTTP2RequestBesideOneThatSaidCloseDoesNotSaveTheConnection(t *testing.T) {
	l := New(nil)
	uses, c := riding(l, 1)
	last := new(Entry)
	last.Close = true
	l.Begin(last, key, nil, time.Now())
	last.GetConn("", time.Now())
	last.GotConn(c, true, true, time.Now())
	beside := asks(l)
	beside.GotConn(c, true, true, time.Now())
	for _, u := range append(uses, beside) {
		u.End(None, false, time.Now())
	}
	last.End(ClientClose, false, time.Now())
	if g := newFor(l); g.Reason != ClientClose {
		t.Errorf("new for %q, want client_close", g.Reason)
	}
	wantSettled(t, l)
}

// The exchange that costs the connection ends before another one on it. The connection is gone
// with the last one, not idle.
func TestHTTP2ConnectionThatIsLostEndsWithItsLastStream(t *testing.T) {
	l := New(nil)
	c := another()
	a, b := asks(l), new(Entry)
	b.Close = true
	a.GotConn(c, false, true, time.Now())
	l.Begin(b, key, nil, time.Now())
	b.GetConn("", time.Now())
	b.GotConn(c, true, true, time.Now())
	b.End(ClientClose, false, time.Now())
	a.End(None, false, time.Now())
	l.Counts(func(n Counts) {
		if n.Open != 0 {
			t.Errorf("%d connections open, %d idle; want none", n.Open, n.Idle)
		}
	})
}

// CloseIdleConnections does not close an HTTP/2 connection one of whose streams
// net/http has not forgotten yet, though its body was read to the end.
func TestHTTP2ConnectionThatCloseIdleSparedIsNotLost(t *testing.T) {
	l := New(nil)
	c := another()
	a := asks(l)
	a.GotConn(c, false, true, time.Now())
	a.End(None, false, time.Now())
	l.CloseIdle()
	b := asks(l)
	if g := b.GotConn(c, true, true, time.Now()); !g.Reused || g.Uses != 2 {
		t.Errorf("reused %v, use %d; want true, 2", g.Reused, g.Uses)
	}
	b.End(None, false, time.Now())
	// When it does close it, a new connection shows that.
	l.CloseIdle()
	d := asks(l)
	if g := d.GotConn(another(), false, true, time.Now()); g.Reason != ClosedIdle {
		t.Errorf("new for %q, want closed_idle", g.Reason)
	}
	l.hosts.Each(func(h *Host) {
		if h.losses.Len() != 0 || h.counts.open != 1 || len(h.conns) != 1 {
			t.Errorf("losses %+v, %d connections open, %d known; want none, 1, 1", h.losses, h.counts.open, len(h.conns))
		}
	})
}
