package ledger

import (
	"testing"
	"testing/synctest"
	"time"
)

// losing leaves a loss for each cause in the book, over HTTP/1. The exchange of
// the first has a span that begins with 1, and so on.
func losing(t *testing.T, l *Ledger, causes ...Reason) {
	t.Helper()
	uses, conns := make([]*Use, len(causes)), make([]*fakeConn, len(causes))
	for i := range causes {
		uses[i] = asking(l)
		uses[i].Of = by(i + 1)
		conns[i] = dial(t, uses[i], 0)
		uses[i].Got(conns[i], false, false, time.Now())
	}
	for i, cause := range causes {
		if i > 0 {
			time.Sleep(time.Millisecond) // only in a bubble
		}
		uses[i].End(cause, false, time.Now())
		conns[i].line.close()
	}
}

// wantNew asks for a connection, dials over HTTP/1 and looks at why.
func wantNew(t *testing.T, l *Ledger, want Reason, culprit byte) {
	t.Helper()
	u := asking(l)
	if g := u.Got(dial(t, u, 0), false, false, time.Now()); g.Reason != want || g.Culprit.SpanID[0] != culprit {
		t.Errorf("new for %q by %d, want %q by %d", g.Reason, g.Culprit.SpanID[0], want, culprit)
	}
}

// The request of the dial that failed has no connection to say anything of.
func TestLossesAreNotPaidByDialsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		losing(t, l, ServerClose, BodyUnread)
		var failed [2]Dial
		for i := range failed {
			u := asking(l)
			d, err := u.admit(0, false)
			if err != nil {
				t.Fatal(err)
			}
			failed[i] = d
		}
		for _, d := range failed {
			d.Done()
		}
		// Still in their order, whatever that of the failures was.
		wantNew(t, l, BodyUnread, 2)
		wantNew(t, l, ServerClose, 1)
	})
}

// Nor by one whose connection nobody uses, over HTTP/1 either: it went idle, and
// was closed.
func TestLossIsNotPaidByAConnectionThatIsNeverUsed(t *testing.T) {
	l := New(nil, Watched)
	losing(t, l, BodyUnread)
	u := asking(l)
	spare := dial(t, u, 0)
	u.End(Canceled, false, time.Now())
	spare.line.Closing(IdleTimeout)
	spare.line.Closed()
	wantNew(t, l, BodyUnread, 1)
}

// A TLS dialer of the base's own makes connections that report nothing: the
// verdict at the dial is not the one that is told.
func TestLossIsPaidOnceWhereTheDialerCannotBeWatched(t *testing.T) {
	l := New(nil, WatchedHTTP)
	losing(t, l, BodyUnread)
	u := asking(l)
	d, err := u.admit(0, false)
	if err != nil {
		t.Fatal(err)
	}
	d.Done()
	nc := another() // another ledger's
	if g := u.Got(nc, false, false, time.Now()); g.Reason != BodyUnread || g.Culprit.SpanID[0] != 1 {
		t.Errorf("new for %q by %d, want body_unread by 1", g.Reason, g.Culprit.SpanID[0])
	}
	l.each(func(h *Host) {
		if h.losses.Len() != 0 {
			t.Errorf("losses %+v, want none", h.losses)
		}
	})
}

// Requests that come at once over HTTP/2 all dial, and all but one connection
// are thrown away. The one that is used need not be the one whose dial was
// charged.
func TestHTTP2ConnectionThatIsUsedSaysWhatTheOthersWereDialedFor(t *testing.T) {
	for _, want := range []Reason{First, BodyUnread} {
		for _, closedFirst := range []bool{true, false} {
			l := New(nil, Watched)
			if want != First {
				losing(t, l, want)
			}
			a, b := asking(l), asking(l)
			thrown, used := dial(t, a, 0), dial(t, b, 0)
			if closedFirst {
				thrown.line.close()
			}
			g := b.Got(used, false, true, time.Now())
			if g.Reason != want || want != First && g.Culprit.SpanID[0] != 1 {
				t.Errorf("closed first %v: new for %q by %d, want %q", closedFirst, g.Reason, g.Culprit.SpanID[0], want)
			}
			if !closedFirst {
				thrown.line.close()
			}
			if g := a.Got(used, true, true, time.Now()); !g.Reused {
				t.Errorf("the other is new for %q", g.Reason)
			}
			l.each(func(h *Host) {
				if h.losses.Len() != 0 {
					t.Errorf("closed first %v: losses %+v, want none", closedFirst, h.losses)
				}
			})
		}
	}
}

// The dials need not begin in the order in which the requests have asked: the
// first to ask may find the loss taken, and nothing else to blame.
func TestHTTP2ConnectionThatIsUsedSaysWhatALaterRequestWasChargedWith(t *testing.T) {
	l := New(nil, Watched)
	losing(t, l, BodyUnread)
	a, b := asking(l), asking(l)
	dial(t, b, 0)
	used := dial(t, a, 0)
	if g := a.Got(used, false, true, time.Now()); g.Reason != BodyUnread || g.Culprit.SpanID[0] != 1 {
		t.Errorf("new for %q by %d, want body_unread by 1", g.Reason, g.Culprit.SpanID[0])
	}
}

// Over HTTP/1 each dial is its own request's.
func TestHTTP1DialsAnswerForThemselves(t *testing.T) {
	l := New(nil, Watched)
	losing(t, l, BodyUnread)
	a, b := asking(l), asking(l)
	ca, cb := dial(t, a, 0), dial(t, b, 0)
	if g := b.Got(cb, false, false, time.Now()); g.Reason != AllBusy {
		t.Errorf("b is new for %q, want all_busy", g.Reason)
	}
	if g := a.Got(ca, false, false, time.Now()); g.Reason != BodyUnread {
		t.Errorf("a is new for %q, want body_unread", g.Reason)
	}
}

// by is an exchange whose span has that ID.
type by byte

func (b by) Culprit() (c Culprit) {
	c.SpanID[0] = byte(b)
	return c
}

func (by) Done() <-chan struct{} { return nil }
