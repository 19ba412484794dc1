package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/hosttable"
	"github.com/warmconn/warmconn/internal/loss"
)

// hosts counts the hosts that l keeps.
func hosts(l *Ledger) (n int) {
	l.hosts.Each(func(*Host) { n++ })
	return n
}

// TestMemoryIsBounded: a crawler over very many hosts, and one host with very
// many losses and connections whose close is not seen.
func TestMemoryIsBounded(t *testing.T) {
	l := New(nil)
	for i := range fullsize.Of(100_000, 20_000) {
		u := new(Entry)
		l.Begin(u, Key{Scheme: "http", Host: fmt.Sprint("host", i, ".example"), Port: "80"}, nil, time.Now())
		u.GetConn("", time.Now())
		u.GotConn(another(), false, false, time.Now())
		u.End(BodyUnread, false, time.Now())
	}
	if n := hosts(l); n > 2*hosttable.Shards*hosttable.SweepFrom {
		t.Errorf("%d hosts are kept", n)
	}
	l = New(nil)
	for range 10_000 {
		u := asks(l)
		u.GotConn(another(), false, false, time.Now())
		u.PutIdleConn(None)
		u.End(None, false, time.Now())
	}
	l.hosts.Each(func(h *Host) {
		if len(h.conns) > maxConns || h.losses.Len() > loss.Max || h.counts.open > maxConns {
			t.Errorf("%d connections, %d losses, %d open", len(h.conns), h.losses.Len(), h.counts.open)
		}
	})
}

// A stack that has looked a Host up may keep it for good: see Begin.
func TestForgottenPageKeepsNoConnection(t *testing.T) {
	l := New(nil)
	u := new(Entry)
	page := l.Begin(u, key, nil, time.Now())
	u.GetConn("", time.Now())
	u.GotConn(another(), false, false, time.Now())
	u.PutIdleConn(None)
	u.End(None, false, time.Now())
	if !page.Forget() {
		t.Fatal("not forgotten")
	}
	if n := len(page.conns); n > 0 {
		t.Errorf("%d connections are kept", n)
	}
}
