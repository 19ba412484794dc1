package ledger

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// hosts counts the pages that l keeps.
func hosts(l *Ledger) (n int) {
	l.each(func(*Host) { n++ })
	return n
}

// TestMemoryIsBounded: a crawler over very many hosts, and one host with very
// many losses and connections that nobody sees closing.
func TestMemoryIsBounded(t *testing.T) {
	for _, w := range []Watch{Unwatched, Watched} {
		l := New(nil, w)
		for i := range 100_000 {
			u := new(Use)
			l.Begin(u, Key{Scheme: "http", Host: fmt.Sprint("host", i, ".example"), Port: "80"}, nil, time.Now())
			u.Ask("", time.Now())
			if w == Watched {
				d, err := u.admit(0, false)
				if err != nil {
					t.Fatal(err)
				}
				c := newFake(d)
				u.Got(c, false, false, time.Now())
				u.End(BodyUnread, false, time.Now())
				c.line.close()
				continue
			}
			u.Got(new(unseenConn), false, false, time.Now())
			u.End(BodyUnread, false, time.Now())
		}
		if n := hosts(l); n > 2*shards*sweepFrom {
			t.Errorf("watch %d: %d hosts are kept", w, n)
		}
	}
	l := New(nil, Unwatched)
	for range 10_000 {
		u := asking(l)
		u.Got(new(unseenConn), false, false, time.Now())
		u.Put("")
		u.End("", false, time.Now())
	}
	l.each(func(h *Host) {
		if len(h.conns) > maxUnwatched || h.losses.Len() > loss.Max || h.open > maxUnwatched {
			t.Errorf("%d connections, %d losses, %d open", len(h.conns), h.losses.Len(), h.open)
		}
	})
}

// Who has looked a page up may keep it for good: see Begin.
func TestForgottenPageKeepsNoConnection(t *testing.T) {
	l := New(nil, Unwatched)
	u := new(Use)
	page := l.Begin(u, key, nil, time.Now())
	u.Ask("", time.Now())
	u.Got(new(unseenConn), false, false, time.Now())
	u.Put("")
	u.End("", false, time.Now())
	if !page.forget() {
		t.Fatal("not forgotten")
	}
	if n := len(page.conns) + len(page.idles); n > 0 {
		t.Errorf("%d connections are kept", n)
	}
}

// unseenConn is one that nobody watches.
type unseenConn struct{ net.Conn }
