package ledger

import (
	"net/http"
	"testing"
	"time"
)

// riding returns n uses on one HTTP/2 connection.
func riding(l *Ledger, n int) ([]*Entry, *fakeConn) {
	uses := []*Entry{asks(l)}
	c := another()
	uses[0].GotConn(c, false, true, time.Now())
	for len(uses) < n {
		u := asks(l)
		u.GotConn(c, true, true, time.Now())
		uses = append(uses, u)
	}
	return uses, c
}

// newFor returns the reason for a request that asks now and dials.
func newFor(l *Ledger) Got { return asks(l).GotConn(another(), false, true, time.Now()) }

// A stream that fails does not show whether the connection broke.
func TestHTTP2StreamThatFailsCostsNothing(t *testing.T) {
	l := New(nil)
	uses, c := riding(l, 1)
	if lost, _ := uses[0].End(ConnError, false, time.Now()); lost != None {
		t.Errorf("lost for %q, want nothing: the connection may live", lost)
	}
	u := asks(l)
	if g := u.GotConn(c, true, true, time.Now()); !g.Reused {
		t.Errorf("new for %q", g.Reason)
	}
}

// Over HTTP/2 a connection in use is no reason to dial. If net/http dials all the same, the
// reason may be GOAWAY, or the server's limit of streams.
func TestHTTP2ConnectionInUseIsNotBusy(t *testing.T) {
	l := New(nil)
	riding(l, 1)
	if g := newFor(l); g.Reason != Unknown {
		t.Errorf("new for %q beside a stream, want unknown", g.Reason)
	}
}

// A connection that a request dialed past is forgotten: the doubt that it raises must not
// last.
func TestHTTP2DoubtEndsWithTheDialPast(t *testing.T) {
	l := New(nil)
	a := asks(l)
	a.GotConn(another(), false, true, time.Now())
	a.End(None, false, time.Now())
	b := asks(l)
	if g := b.GotConn(another(), false, true, time.Now()); g.Reason != Unknown {
		t.Errorf("new for %q, want unknown: no hook tells of the idle one's end", g.Reason)
	}
	b.Close = true
	b.End(ClientClose, false, time.Now())
	c := asks(l)
	if g := c.GotConn(another(), false, true, time.Now()); g.Reason != ClientClose {
		t.Errorf("new for %q, want client_close: the old idle one is known to be gone", g.Reason)
	}
}

// The limit of idle connections is for HTTP/1. The protocol is not known before the first
// connection is there.
func TestHTTP2ConnectionsAreKeptUnderANegativeIdleLimit(t *testing.T) {
	for _, base := range []*http.Transport{{MaxIdleConnsPerHost: -1}, {DisableKeepAlives: true}} {
		l := New(base)
		want := [2]Reason{First, ClientClose}
		if base.DisableKeepAlives {
			want = [2]Reason{KeepAlivesOff, KeepAlivesOff}
		}
		u := asks(l)
		g := u.GotConn(another(), false, true, time.Now())
		u.End(ClientClose, false, time.Now())
		if got := [2]Reason{g.Reason, newFor(l).Reason}; got != want {
			t.Errorf("new for %q, want %q", got, want)
		}
	}
}
