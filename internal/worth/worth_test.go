package worth

import (
	"fmt"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func TestCostIsOfDialsThatWerePaidFor(t *testing.T) {
	var w Estimator
	const ms = time.Millisecond
	for i, s := range []struct {
		addr string
		took time.Duration // 0: none was dialed
		want time.Duration
	}{
		{"direct:443", 40 * ms, 40 * ms},
		{"direct:443", 0, 40 * ms},
		{"direct:443", 20 * ms, 30 * ms},
		{"proxy:3128", 100 * ms, 100 * ms},       // another address has another cost
		{"direct:443", 5 * time.Second, 60 * ms}, // a lost SYN is not believed
		{"proxy:3128", 0, 100 * ms},
	} {
		if s.took > 0 {
			w.Paid(s.addr, s.took)
		}
		if got := w.Worth(s.addr, true).Cost; got != s.want {
			t.Errorf("step %d: %v, want %v", i, got, s.want)
		}
	}
}

// The first dial is slow: for a cold cache, say.
func TestTooHighACostIsSoonPutRight(t *testing.T) {
	var w Estimator
	w.Paid("", 300*time.Millisecond)
	for range 4 {
		w.Paid("", time.Millisecond)
	}
	if got := w.Worth("", true); got.Cost > 60*time.Millisecond || got.Measured != 5 {
		t.Errorf("%v after %d dials", got.Cost, got.Measured)
	}
}

func TestCostThatTheClockDidNotSeeDoesNotStayForEver(t *testing.T) {
	var w Estimator
	w.Paid("", 0)
	w.Paid("", time.Second)
	if got := w.Worth("", true).Cost; got != time.Second {
		t.Errorf("%v, want 1s", got)
	}
}

func TestReuseIsOfRequestsThatComeInTime(t *testing.T) {
	for _, tt := range []struct {
		name        string
		idleTimeout time.Duration
		every       time.Duration
		want        func(float64) bool
	}{
		{"once a minute, idle for 30 s", 30 * time.Second, time.Minute, func(p float64) bool { return p < .1 }},
		{"once a minute, idle for 90 s", 90 * time.Second, time.Minute, func(p float64) bool { return p == 1 }},
		{"no limit", 0, time.Hour, func(p float64) bool { return p == 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w Estimator
			now := epoch
			for range 20 {
				w.Arrives(false, tt.idleTimeout, now)
				w.Ended(now)
				now = now.Add(tt.every)
			}
			if p := w.Worth("", true).Reuse; !tt.want(p) {
				t.Errorf("reuse %v", p)
			}
		})
	}
}

func TestRateNeedsEnoughToRestOn(t *testing.T) {
	var w Estimator
	w.Read(1000, time.Millisecond)
	if r := w.Worth("", true).Rate; r != 0 {
		t.Errorf("rate %v after 1000 bytes, want none", r)
	}
	w.Read(10<<20, 10*time.Second)
	if r := w.Worth("", true).Rate; r < .9*(1<<20) || r > 1.1*(1<<20) {
		t.Errorf("rate %v, want 1 MiB/s", r)
	}
	for range 3 {
		w.Read(10<<20, time.Second) // now over a faster network
	}
	if r := w.Worth("", true).Rate; r < 8*(1<<20) {
		t.Errorf("rate %v, want nearly 10 MiB/s", r)
	}
}

func TestProbesBecomeRare(t *testing.T) {
	var w Estimator
	for range 2 {
		w.Drained(time.Second, time.Second, false, true)
	}
	var probes []int
	for i := range 200 {
		if w.Worth("", true).Probe {
			probes = append(probes, i)
			w.Drained(time.Second, time.Second, false, true)
			continue
		}
		w.NotDrained(false, true)
	}
	if got, want := fmt.Sprint(probes), "[2 7 16 33 66 99 132 165 198]"; got != want {
		t.Errorf("probes at %v, want %v", got, want)
	}
	for range 4 {
		w.Drained(1, time.Second, true, true)
	}
	if w := w.Worth("", true); w.Ends < .6 || w.Probe {
		t.Errorf("after some that came to the end: %+v", w)
	}
}
