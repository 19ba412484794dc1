package ledger

import (
	"testing"
	"testing/synctest"
	"time"
)

// Its stream opens when another one ends, where net/http has been told not to
// dial past the server's limit of streams. And net/http calls GetConn under the
// lock that it needs to give a broken connection's requests up.
func TestExchangeThatRetiresItsConnectionHoldsNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		l.Keep(Keep{Private: true})
		uses, c := riding(t, l, 1)
		uses[0].Settled()

		last := new(Use)
		last.MaxUses = 2
		l.Begin(last, key, nil, time.Now())
		last.Ask("host.example:80", time.Now())
		if g := last.Got(c, true, true, time.Now()); g.Retire != MaxRequests {
			t.Fatalf("retired for %q, want %q", g.Retire, MaxRequests)
		}
		began := time.Now()
		passed := make(chan struct{})
		go func() {
			asking(l)
			close(passed)
		}()
		select {
		case <-passed:
		case <-time.After(time.Minute):
			t.Error("still held back after a minute")
			last.Settled()
			<-passed
		}
		if d := time.Since(began); d > 200*time.Millisecond {
			t.Errorf("held back for %v", d)
		}
	})
}

// The server refuses streams over its limit, which a new connection does not
// know yet.
func TestBusyConnectionIsKeptWhereTheHostNeedsSeveral(t *testing.T) {
	l := New(nil, Watched)
	l.Keep(Keep{Private: true})
	uses, c := riding(t, l, 1)
	others, _ := riding(t, l, 1)
	uses[0].Settled()
	others[0].Settled()
	last := &Use{MaxUses: 2}
	l.Begin(last, key, nil, time.Now())
	last.Ask("host.example:80", time.Now())
	if g := last.Got(c, true, true, time.Now()); g.Retire != "" {
		t.Errorf("retired for %q", g.Retire)
	}
}

// It was cancelled before its stream was open: net/http gives the connection to
// others as before.
func TestConnectionOutlivesALastExchangeThatDidNotTakeIt(t *testing.T) {
	l := New(nil, Watched)
	l.Keep(Keep{Private: true})
	uses, c := riding(t, l, 1)
	uses[0].Settled()
	lastOn := func() *Use {
		t.Helper()
		u := &Use{MaxUses: 2}
		l.Begin(u, key, nil, time.Now())
		u.Ask("host.example:80", time.Now())
		if g := u.Got(c, true, true, time.Now()); g.Retire != MaxRequests {
			t.Fatalf("retired for %q, want %q", g.Retire, MaxRequests)
		}
		return u
	}
	lastOn().End(Canceled, false, time.Now())
	lastOn()
}
