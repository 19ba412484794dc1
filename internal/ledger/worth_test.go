package ledger

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// exchange is one that uses an idle connection, or dials for so long.
func exchange(t *testing.T, l *Ledger, addr string, dials time.Duration, idle *fakeConn) (*Use, *fakeConn) {
	t.Helper()
	u := new(Use)
	l.Begin(u, key, nil, time.Now())
	u.Ask(addr, time.Now())
	c := idle
	if c == nil {
		d, err := u.admit(0, false)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(dials / 2)
		c = newFake(d)
		time.Sleep(dials / 2) // the handshake
	}
	u.Got(c, idle != nil, false, time.Now())
	u.Put("")
	u.End("", false, time.Now())
	return u, c
}

func TestCostIsOfDialsThatWerePaidFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		const ms = time.Millisecond
		steps := []struct {
			addr string
			took time.Duration // 0: reused
			want time.Duration
		}{
			{"direct:443", 40 * ms, 40 * ms},
			{"direct:443", 0, 40 * ms},
			{"direct:443", 20 * ms, 30 * ms},
			{"proxy:3128", 100 * ms, 100 * ms},       // another way has another cost
			{"direct:443", 5 * time.Second, 60 * ms}, // a lost SYN is not believed
			{"proxy:3128", 0, 100 * ms},
		}
		var idle *fakeConn
		for i, s := range steps {
			c := idle
			if s.took > 0 {
				if idle != nil {
					idle.line.close()
				}
				c = nil
			}
			u, now := exchange(t, l, s.addr, s.took, c)
			idle = now
			if got := u.Worth(true).Cost; got != s.want {
				t.Errorf("step %d: %v, want %v", i, got, s.want)
			}
		}
	})
}

// TestTooHighACostIsSoonPutRight: a first dial with a cold cache, say.
func TestTooHighACostIsSoonPutRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		var u *Use
		for i := range 5 {
			took := time.Millisecond
			if i == 0 {
				took = 300 * time.Millisecond
			}
			var c *fakeConn
			u, c = exchange(t, l, "", took, nil)
			c.line.close()
		}
		if w := u.Worth(true); w.Cost > 60*time.Millisecond || w.Measured != 5 {
			t.Errorf("%v after %d dials", w.Cost, w.Measured)
		}
	})
}

func TestReuseIsOfRequestsThatComeInTime(t *testing.T) {
	tests := []struct {
		name        string
		idleTimeout time.Duration
		every       time.Duration
		serverIdle  time.Duration // the server closes what is idle for so long
		want        func(float64) bool
	}{
		{"once a minute, idle for 30 s", 30 * time.Second, time.Minute, 0, func(p float64) bool { return p < .1 }},
		{"once a minute, idle for 90 s", 90 * time.Second, time.Minute, 0, func(p float64) bool { return p == 1 }},
		{"no limit", 0, time.Hour, 0, func(p float64) bool { return p == 1 }},
		{"the server closes earlier", 90 * time.Second, time.Minute, 5 * time.Second, func(p float64) bool { return p < .1 }},
		{"a restart is no limit", 90 * time.Second, time.Minute, 10 * time.Millisecond, func(p float64) bool { return p == 1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := New(&http.Transport{IdleConnTimeout: tt.idleTimeout}, Watched)
				var u *Use
				for range 20 {
					var c *fakeConn
					u, c = exchange(t, l, "", time.Millisecond, nil)
					if tt.serverIdle > 0 {
						time.Sleep(tt.serverIdle)
						c.line.PeerEnded(true)
						c.line.close()
					}
					time.Sleep(tt.every)
				}
				if p := u.Worth(true).Reuse; !tt.want(p) {
					t.Errorf("reuse %v", p)
				}
			})
		})
	}
}

// TestServersLimitIsForgottenOnceItIsOutlived: it was something else then.
func TestServersLimitIsForgottenOnceItIsOutlived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		_, c := exchange(t, l, "", 0, nil)
		time.Sleep(2 * time.Second)
		c.line.PeerEnded(true)
		c.line.close()
		_, c = exchange(t, l, "", 0, nil)
		for range 20 {
			time.Sleep(10 * time.Second)
			exchange(t, l, "", 0, c)
		}
		u, _ := exchange(t, l, "", 0, c)
		if p := u.Worth(true).Reuse; p < .9 {
			t.Errorf("reuse %v after connections have lived for 10 s, want nearly 1", p)
		}
	})
}

func TestRateNeedsEnoughToRestOn(t *testing.T) {
	l := New(nil, Watched)
	u := new(Use)
	l.Begin(u, key, nil, time.Now())
	u.Read(1000, time.Millisecond)
	if r := u.Worth(true).Rate; r != 0 {
		t.Errorf("rate %v after 1000 bytes, want none", r)
	}
	u.Read(10<<20, 10*time.Second)
	if r := u.Worth(true).Rate; r < .9*(1<<20) || r > 1.1*(1<<20) {
		t.Errorf("rate %v, want 1 MiB/s", r)
	}
	for range 3 {
		u.Read(10<<20, time.Second) // another network
	}
	if r := u.Worth(true).Rate; r < 8*(1<<20) {
		t.Errorf("rate %v, want nearly 10 MiB/s", r)
	}
}

func TestProbesBecomeRare(t *testing.T) {
	l := New(nil, Watched)
	u := new(Use)
	l.Begin(u, key, nil, time.Now())
	for range 2 {
		u.Drained(time.Second, time.Second, false, true)
	}
	var probes []int
	for i := range 200 {
		if u.Worth(true).Probe {
			probes = append(probes, i)
			u.Drained(time.Second, time.Second, false, true)
			continue
		}
		u.NotDrained(false, true)
	}
	if got, want := fmt.Sprint(probes), "[2 7 16 33 66 99 132 165 198]"; got != want {
		t.Errorf("probes at %v, want %v", got, want)
	}
	for range 4 {
		u.Drained(1, time.Second, true, true)
	}
	if w := u.Worth(true); w.Ends < .6 || w.Probe {
		t.Errorf("after some that came to the end: %+v", w)
	}
}

// TestCostThatTheClockDidNotSee must not stay for ever.
func TestCostThatTheClockDidNotSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		_, c := exchange(t, l, "", 0, nil)
		c.line.close()
		u, _ := exchange(t, l, "", time.Second, nil)
		if got := u.Worth(true).Cost; got != time.Second {
			t.Errorf("%v, want 1s", got)
		}
	})
}

// TestHookIsOnlyForWhoHasTheConnection: a gzip body can be at its end, and its
// connection in use again, before its caller has read it.
func TestHookIsOnlyForWhoHasTheConnection(t *testing.T) {
	l := New(nil, Watched)
	a := asking(l)
	c := dial(t, a, 0)
	a.Got(c, false, false, time.Now())
	a.Put("")
	b := asking(l)
	b.Got(c, true, false, time.Now())
	called := false
	f, g := func() { called = true }, func() { t.Error("the hook of an exchange whose connection went back was called") }
	b.BeforeRead(&f)
	if a.BeforeRead(&g) {
		t.Error("an exchange whose connection went back was given it")
	}
	c.line.WillRead()
	if !called {
		t.Error("the hook of the exchange that has the connection was not called")
	}
}
