package ledger

import (
	"net"
	"testing"
	"time"
)

// fakeConn is a connection that can be told from others, and does nothing.
type fakeConn struct{ net.Conn }

// another returns a new one.
func another() *fakeConn { return new(fakeConn) }

var key = Key{Scheme: "http", Host: "host.example", Port: "80"}

// asks returns an Entry that has asked for a connection.
func asks(l *Ledger) *Entry {
	u := new(Entry)
	l.Begin(u, key, nil, time.Now())
	u.GetConn("host.example:80", time.Now())
	return u
}

// by is an exchange whose span has the given ID.
type by byte

func (b by) Culprit() (c Culprit) {
	c.SpanID[0] = byte(b)
	return c
}

// losing leaves a loss for each cause in the book, over HTTP/1. The first one's exchange has a
// span whose ID begins with 1, and so on.
func losing(l *Ledger, causes ...Reason) {
	uses := make([]*Entry, len(causes))
	for i := range causes {
		uses[i] = asks(l)
		uses[i].Owner = by(i + 1)
		uses[i].GotConn(another(), false, false, time.Now())
	}
	for i, cause := range causes {
		if i > 0 {
			time.Sleep(time.Millisecond) // only in a bubble
		}
		uses[i].End(cause, false, time.Now())
	}
}

// wantNew asks for a connection, is given a new one over HTTP/1, and checks the reason.
func wantNew(t *testing.T, l *Ledger, want Reason, culprit byte) {
	t.Helper()
	u := asks(l)
	if g := u.GotConn(another(), false, false, time.Now()); g.Reason != want || g.Culprit.SpanID[0] != culprit {
		t.Errorf("new for %q by %d, want %q by %d", g.Reason, g.Culprit.SpanID[0], want, culprit)
	}
}

// wantSettled fails the test unless each loss was charged to a dial, or withdrawn.
func wantSettled(t *testing.T, l *Ledger) {
	t.Helper()
	l.hosts.Each(func(h *Host) {
		if h.losses.Len() != 0 {
			t.Errorf("losses %+v, want none", h.losses)
		}
	})
}
