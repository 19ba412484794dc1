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
			u.Of = by(i + 1)
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
				if got := h.losses.Len() == 1; got != had {
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
	conn := func() *fakeConn { return another() }
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
					c = another()
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
