package ledger

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// riding returns n uses on one HTTP/2 connection.
func riding(t *testing.T, l *Ledger, n int) ([]*Use, *fakeConn) {
	t.Helper()
	uses := []*Use{asking(l)}
	c := dial(t, uses[0], 0)
	uses[0].Got(c, false, true, time.Now())
	for len(uses) < n {
		u := asking(l)
		u.Got(c, true, true, time.Now())
		uses = append(uses, u)
	}
	return uses, c
}

// newFor is what a request is told that asks now and dials.
func newFor(t *testing.T, l *Ledger) Got {
	t.Helper()
	u := asking(l)
	return u.Got(dial(t, u, 0), false, true, time.Now())
}

// The reading goroutine aborts the streams first and closes the connection
// then, so the exchanges may end before or after.
func TestHTTP2ConnectionThatBreaksIsTheFirstBrokenStreams(t *testing.T) {
	for _, closedFirst := range []bool{true, false} {
		l := New(nil, Watched)
		uses, c := riding(t, l, 3)
		for i, u := range uses {
			u.Culprit.SpanID[0] = byte(i + 1)
		}
		uses[0].End("", false, time.Now())
		c.line.PeerEnded(true)
		if closedFirst {
			c.line.close()
		}
		for _, u := range uses[1:] {
			if lost := u.End(ConnError, false, time.Now()); lost != ConnError {
				t.Errorf("closed first %v: lost for %q, want conn_error", closedFirst, lost)
			}
		}
		if !closedFirst {
			c.line.close()
		}
		if g := newFor(t, l); g.Reason != ConnError || g.Culprit.SpanID[0] != 2 {
			t.Errorf("closed first %v: new for %q by %x, want conn_error by the first that failed", closedFirst, g.Reason, g.Culprit.SpanID)
		}
	}
}

// An error without the end of the connection is the stream's own: RST_STREAM.
func TestHTTP2StreamThatFailsAloneCostsNothing(t *testing.T) {
	l := New(nil, Watched)
	uses, c := riding(t, l, 1)
	if lost := uses[0].End(ConnError, false, time.Now()); lost != "" {
		t.Errorf("lost for %q, want nothing: the connection lives", lost)
	}
	u := asking(l)
	if g := u.Got(c, true, true, time.Now()); !g.Reused {
		t.Errorf("new for %q", g.Reason)
	}
	u.End("", false, time.Now())
	c.line.PeerEnded(true)
	c.line.close()
	if g := newFor(t, l); g.Reason != ServerClosedIdle {
		t.Errorf("new for %q, want server_closed_idle", g.Reason)
	}
}

// Net/http is done with a stream when all of it is here; its caller may still
// have to read that.
func TestHTTP2ConnectionThatEndsBehindTheLastByteWasIdle(t *testing.T) {
	l := New(nil, Watched)
	uses, c := riding(t, l, 2)
	c.line.PeerEnded(true)
	c.line.close()
	for _, u := range uses {
		u.End("", false, time.Now())
	}
	if g := newFor(t, l); g.Reason != ServerClosedIdle {
		t.Errorf("new for %q, want server_closed_idle", g.Reason)
	}
	// Before that nobody can know.
	uses, c = riding(t, l, 1)
	c.line.PeerEnded(true)
	c.line.close()
	if g := newFor(t, l); g.Reason != Unknown {
		t.Errorf("new for %q while its stream is read, want unknown", g.Reason)
	}
	uses[0].End("", false, time.Now())
}

// Net/http honours Request.Close over HTTP/2 too, once all streams have ended.
// It closes where it also closes after GOAWAY, so the stack shows that.
func TestHTTP2RequestThatSaidCloseIsTheCulprit(t *testing.T) {
	for _, order := range []string{"asked before its end", "closed before its end", "closed after its end"} {
		l := New(nil, Watched)
		uses, c := riding(t, l, 1)
		last := new(Use)
		last.Close, last.Culprit.SpanID[0] = true, 7
		l.Begin(last, key)
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
			if len(h.losses) != 0 {
				t.Errorf("%s: losses %+v, want none", order, h.losses[0])
			}
		})
	}
}

// A stack without ALPN to look at (h2c), or with a layer below that asks for
// the end, knows it only from the response.
func TestHTTP2RequestThatSaidCloseBelowTheKitIsTheCulprit(t *testing.T) {
	l := New(nil, Watched)
	u := asking(l)
	u.Culprit.SpanID[0] = 7
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
	l.Begin(last, key)
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

// Over HTTP/2 a connection in use is no reason to dial. That one was dialed all
// the same may be GOAWAY, or the server's limit of streams.
func TestHTTP2ConnectionInUseIsNotBusy(t *testing.T) {
	for _, w := range []Watch{Watched, Unwatched} {
		l := New(nil, w)
		a := asking(l)
		old, fresh := net.Conn(new(fakeConn)), net.Conn(new(fakeConn))
		if w == Watched {
			old = dial(t, a, 0)
		} else {
			old.(*fakeConn).line = &Conn{host: &Host{}} // another ledger's
		}
		a.Got(old, false, true, time.Now())
		b := asking(l)
		if w == Watched {
			fresh = dial(t, b, 0)
		} else {
			fresh.(*fakeConn).line = &Conn{host: &Host{}}
		}
		if g := b.Got(fresh, false, true, time.Now()); g.Reason != Unknown {
			t.Errorf("watch %v: new for %q beside a stream, want unknown", w, g.Reason)
		}
	}
}

// The dial past a connection paid for it. Its end, a GOAWAY's or an idle
// timeout's, must not be charged to a second one.
func TestHTTP2ConnectionThatWasDialedPastCostsNothingMore(t *testing.T) {
	for _, had := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := New(nil, Watched)
			uses, old := riding(t, l, 1)
			time.Sleep(time.Millisecond) // the bubble's clock
			b := asking(l)
			b.Got(dial(t, b, 0), false, true, time.Now())
			time.Sleep(time.Millisecond)
			if had {
				// It was only full: it counts again.
				u := asking(l)
				u.Got(old, true, true, time.Now())
				u.End("", false, time.Now())
			}
			uses[0].End("", false, time.Now())
			old.line.Closing(IdleTimeout)
			old.line.Closed()
			l.each(func(h *Host) {
				if got := len(h.losses) == 1; got != had {
					t.Errorf("had again %v: its end is a loss %v", had, got)
				}
			})
		})
	}
}

// The unwatched one that was dialed past is forgotten: the doubt that it
// raised must not last.
func TestHTTP2DoubtEndsWithTheDialPast(t *testing.T) {
	l := New(nil, Unwatched)
	conn := func() *fakeConn { return &fakeConn{line: &Conn{host: &Host{}}} }
	a := asking(l)
	a.Got(conn(), false, true, time.Now())
	a.End("", false, time.Now())
	b := asking(l)
	if g := b.Got(conn(), false, true, time.Now()); g.Reason != Unknown {
		t.Errorf("new for %q, want unknown: nobody watches the idle one", g.Reason)
	}
	b.Close = true
	b.End(ClientClose, false, time.Now())
	c := asking(l)
	if g := c.Got(conn(), false, true, time.Now()); g.Reason != ClientClose {
		t.Errorf("new for %q, want client_close: the old idle one is known to be gone", g.Reason)
	}
}

func TestHTTP2IsCountedWhateverOrderItShowsIn(t *testing.T) {
	l := New(nil, Watched)
	a := asking(l)
	c := dial(t, a, 0)
	a.Got(c, false, false, time.Now())
	a.Share()
	a.Share()
	a.End("", false, time.Now())
	b := asking(l)
	b.Got(c, true, true, time.Now())
	check := func(want int) {
		t.Helper()
		l.each(func(h *Host) {
			if h.sharing != want {
				t.Errorf("%d HTTP/2 connections open, want %d", h.sharing, want)
			}
		})
	}
	check(1)
	b.End("", false, time.Now())
	check(1)
	c.line.Closing(Unknown)
	check(0)
	c.line.Closed()
	check(0)
}

// The limit of idle connections is HTTP/1's. The protocol is not known before
// the first connection is there.
func TestHTTP2ConnectionsAreKeptUnderANegativeIdleLimit(t *testing.T) {
	for _, base := range []*http.Transport{{MaxIdleConnsPerHost: -1}, {DisableKeepAlives: true}} {
		for _, w := range []Watch{Watched, Unwatched} {
			l := New(base, w)
			var c net.Conn
			use := func() (Got, *Use) {
				u := asking(l)
				if w == Watched {
					c = dial(t, u, 0)
				} else {
					c = &fakeConn{line: &Conn{host: &Host{}}}
				}
				return u.Got(c, false, true, time.Now()), u
			}
			want := [2]Reason{First, ClientClose}
			if base.DisableKeepAlives {
				want = [2]Reason{KeepAlivesOff, KeepAlivesOff}
			}
			g, u := use()
			u.End(ClientClose, false, time.Now())
			next, _ := use()
			if got := [2]Reason{g.Reason, next.Reason}; got != want {
				t.Errorf("watch %v: new for %q, want %q", w, got, want)
			}
		}
	}
}

// Nobody watches it, and the exchange that cost it ends before another one on
// it does: it is gone with the last, not idle.
func TestHTTP2ConnectionThatIsLostEndsWithItsLastStream(t *testing.T) {
	l := New(nil, Unwatched)
	c := &fakeConn{line: &Conn{host: &Host{}}}
	a, b := asking(l), new(Use)
	b.Close = true
	a.Got(c, false, true, time.Now())
	l.Begin(b, key)
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

// Net/http says which request is the first on a connection, but calls the hooks
// of two in any order. A connection that is called reused when it is first seen
// is older than the ledger, or so it seems.
func TestHTTP2ConnectionIsNewToOneOfThoseThatCameAtOnce(t *testing.T) {
	l := New(nil, Unwatched)
	c := &fakeConn{line: &Conn{host: &Host{}}}
	a, b := asking(l), asking(l)
	second := b.Got(c, true, true, time.Now())
	first := a.Got(c, false, true, time.Now())
	if !second.Reused || first.Reused || first.Reason != First || first.Uses != 1 {
		t.Errorf("the second: reused %v; the first: reused %v, use %d, new for %q", second.Reused, first.Reused, first.Uses, first.Reason)
	}
	third := asking(l)
	if g := third.Got(c, true, true, time.Now()); !g.Reused || g.Uses != 3 {
		t.Errorf("the third: reused %v, use %d; want true, 3", g.Reused, g.Uses)
	}
}

// CloseIdleConnections does not close an HTTP/2 connection one of whose streams
// net/http has not forgotten yet, though its body was read to the end.
func TestHTTP2ConnectionThatCloseIdleSparedIsNotLost(t *testing.T) {
	l := New(nil, Unwatched)
	c := &fakeConn{line: &Conn{host: &Host{}}}
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
	if g := d.Got(&fakeConn{line: &Conn{host: &Host{}}}, false, true, time.Now()); g.Reason != ClosedIdle {
		t.Errorf("new for %q, want closed_idle", g.Reason)
	}
	l.each(func(h *Host) {
		if len(h.losses) != 0 || h.open != 1 || len(h.conns) != 1 {
			t.Errorf("losses %+v, %d connections open, %d known; want none, 1, 1", h.losses, h.open, len(h.conns))
		}
	})
}

// Of the requests that came at once, any may be the one whose dial is used, and
// the hook of any may come first.
func TestHTTP2FirstConnectionIsTheFirstWhoeverDialedIt(t *testing.T) {
	for _, late := range []bool{false, true} {
		l := New(nil, Unwatched)
		asking(l)
		b, c := asking(l), another()
		if late {
			asking(l).Got(c, true, true, time.Now())
		}
		if g := b.Got(c, false, true, time.Now()); g.Reason != First {
			t.Errorf("its hook is late %v: new for %q, want first", late, g.Reason)
		}
	}
}

// Net/http calls GetConn for the request that dials, once, and the connection may
// go to another one that comes just then.
func TestHTTP2RequestThatWasNotHeardToAskIsToldWhy(t *testing.T) {
	for _, w := range []Watch{Watched, Unwatched} {
		l := New(nil, w)
		a := asking(l)
		var c net.Conn = another()
		if w == Watched {
			c = dial(t, a, 0)
		}
		b := new(Use)
		l.Begin(b, key)
		if g := b.Got(c, false, true, time.Now()); g.Reason != First {
			t.Errorf("watch %v: new for %q, want first", w, g.Reason)
		}
	}
}
