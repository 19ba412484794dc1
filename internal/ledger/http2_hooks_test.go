package ledger

import (
	"testing"
	"time"
)

// Net/http tells which request is the first on a connection, but calls the hooks of two
// requests in any order. A connection that is called reused when the ledger first sees it
// seems to be older than the ledger.
func TestHTTP2ConnectionIsNewToOneOfThoseThatCameAtOnce(t *testing.T) {
	l := New(nil)
	c := another()
	a, b := asks(l), asks(l)
	second := b.GotConn(c, true, true, time.Now())
	first := a.GotConn(c, false, true, time.Now())
	if !second.Reused || first.Reused || first.Reason != First || first.Uses != 1 {
		t.Errorf("the second: reused %v; the first: reused %v, use %d, new for %q", second.Reused, first.Reused, first.Uses, first.Reason)
	}
	third := asks(l)
	if g := third.GotConn(c, true, true, time.Now()); !g.Reused || g.Uses != 3 {
		t.Errorf("the third: reused %v, use %d; want true, 3", g.Reused, g.Uses)
	}
}

// Of requests that came at once, the dial of any may be used, and the hook of any may be
// called first.
func TestHTTP2FirstConnectionIsTheFirstWhoeverDialedIt(t *testing.T) {
	for _, late := range []bool{false, true} {
		l := New(nil)
		asks(l)
		b, c := asks(l), another()
		if late {
			asks(l).GotConn(c, true, true, time.Now())
		}
		if g := b.GotConn(c, false, true, time.Now()); g.Reason != First {
			t.Errorf("its hook is late %v: new for %q, want first", late, g.Reason)
		}
	}
}

// Net/http calls GetConn for the request that dials, once, and the connection may
// go to another one that comes just then.
func TestHTTP2RequestThatWasNotHeardToAskIsToldWhy(t *testing.T) {
	l := New(nil)
	asks(l)
	b := new(Entry)
	l.Begin(b, key, nil, time.Now())
	if g := b.GotConn(another(), false, true, time.Now()); g.Reason != First {
		t.Errorf("new for %q, want first", g.Reason)
	}
}

func TestHTTP2IsCountedWhateverOrderItShowsIn(t *testing.T) {
	l := New(nil)
	a, c := asks(l), another()
	a.GotConn(c, false, false, time.Now())
	a.Share()
	a.Share()
	a.End(None, false, time.Now())
	b := asks(l)
	b.GotConn(c, true, true, time.Now())
	check := func(want int) {
		t.Helper()
		l.hosts.Each(func(h *Host) {
			if h.counts.http2 != want {
				t.Errorf("%d HTTP/2 connections open, want %d", h.counts.http2, want)
			}
		})
	}
	check(1)
	b.End(None, false, time.Now())
	check(1)
	l.CloseIdle()
	check(0)
}
