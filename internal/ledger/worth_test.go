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
	l.Begin(u, key)
	u.Ask(addr, time.Now())
	c := idle
	if c == nil {
		d, err := u.Admit(0, false)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(dials / 2)
		c = &fakeConn{line: d.Opened(Setup{}, time.Now())}
		time.Sleep(dials / 2) // the handshake
	}
	u.Got(c, idle != nil, false, time.Now())
	u.Put(nil, "")
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
			{"direct:443", 20 * ms, 35 * ms},
			{"proxy:3128", 100 * ms, 100 * ms},                 // another way has another cost
			{"direct:443", 5 * time.Second, 35*ms + 3*35*ms/4}, // a lost SYN is not believed
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
			if got := u.Worth().Cost; got != s.want {
				t.Errorf("step %d: %v, want %v", i, got, s.want)
			}
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
				if p := u.Worth().Reuse; !tt.want(p) {
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
		if p := u.Worth().Reuse; p < .9 {
			t.Errorf("reuse %v after connections have lived for 10 s, want nearly 1", p)
		}
	})
}

func TestRateNeedsEnoughToRestOn(t *testing.T) {
	l := New(nil, Watched)
	u := new(Use)
	l.Begin(u, key)
	u.Read(1000, time.Millisecond)
	if r := u.Worth().Rate; r != 0 {
		t.Errorf("rate %v after 1000 bytes, want none", r)
	}
	u.Read(10<<20, 10*time.Second)
	if r := u.Worth().Rate; r < .9*(1<<20) || r > 1.1*(1<<20) {
		t.Errorf("rate %v, want 1 MiB/s", r)
	}
	for range 3 {
		u.Read(10<<20, time.Second) // another network
	}
	if r := u.Worth().Rate; r < 8*(1<<20) {
		t.Errorf("rate %v, want nearly 10 MiB/s", r)
	}
}

func TestProbesBecomeRare(t *testing.T) {
	l := New(nil, Watched)
	u := new(Use)
	l.Begin(u, key)
	for range 2 {
		u.Drained(time.Second, time.Second, false, true)
	}
	var probes []int
	for i := range 200 {
		if u.Worth().Probe {
			probes = append(probes, i)
			u.Drained(time.Second, time.Second, false, true)
			continue
		}
		u.NotDrained(false)
	}
	if got, want := fmt.Sprint(probes), "[2 7 16 33 66 131 196]"; got != want {
		t.Errorf("probes at %v, want %v", got, want)
	}
	if v := u.Worth().Vain; v != 2+len(probes) {
		t.Errorf("%d in vain", v)
	}
	u.Drained(1, time.Second, true, true)
	if w := u.Worth(); w.Vain != 0 || w.Probe {
		t.Errorf("after one that came to the end: %+v", w)
	}
}
