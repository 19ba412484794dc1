package pool

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
)

// TestSheddingKeepsServiceInTime prints how much a service at 1.5 times its load does in time for
// callers that give up after a second: without shedding, nearly all requests that get a slot give
// up while they have it.
func TestSheddingKeepsServiceInTime(t *testing.T) {
	t.Parallel()
	const limit, load, deadline = 64, 1.5, time.Second
	n := fullsize.Of(20_000, 5000)
	const mean = 10 * meanHold
	arrivals := poisson(n, limit, load, mean, func(r *rand.Rand, _ time.Duration) time.Duration {
		return mean/2 + time.Duration(r.Int64N(int64(mean)))
	})
	for i := range arrivals {
		arrivals[i].patience, arrivals[i].hasty = deadline, true
	}
	capacity := float64(n) / load
	t.Logf("%d slots held for %v, load %v, deadline %v", limit, mean, load, deadline)
	t.Logf("%-11s %9s %8s %8s %8s %8s", "ShedTarget", "in time", "goodput", "p50", "p99", "shed")
	for _, v := range []struct {
		target  time.Duration
		goodput [2]float64 // at least, at most, of what the slots can serve
		p99     time.Duration
	}{
		{0, [2]float64{0, 0.5}, deadline},
		{5 * time.Millisecond, [2]float64{0.95, 1.05}, 200 * time.Millisecond},
		{20 * time.Millisecond, [2]float64{0.95, 1.05}, 400 * time.Millisecond},
		{50 * time.Millisecond, [2]float64{0.95, 1.05}, 700 * time.Millisecond},
	} {
		if !fullsize.Asked() && v.target != 0 && v.target != 20*time.Millisecond {
			continue
		}
		s := simulate(t, Options{MaxPerHost: limit, ShedTarget: v.target}, arrivals)
		var waits []time.Duration
		shed := 0
		for i, o := range s.outcomes {
			switch {
			case o.served():
				waits = append(waits, o.began-arrivals[i].at)
			case errors.Is(o.err, ErrShed):
				shed++
			}
		}
		slices.Sort(waits)
		goodput := float64(len(waits)) / capacity
		p50, p99 := waits[len(waits)/2], waits[len(waits)*99/100]
		t.Logf("%-11v %9d %7.0f%% %8v %8v %8d", v.target, len(waits), 100*goodput,
			p50.Round(time.Millisecond), p99.Round(time.Millisecond), shed)
		if goodput < v.goodput[0] || goodput > v.goodput[1] {
			t.Errorf("goodput %.2f, want %v", goodput, v.goodput)
		}
		if p99 > v.p99 {
			t.Errorf("99th percentile of the waits %v, want at most %v", p99, v.p99)
		}
	}
}

// pairs returns n requests, twice as many as one slot can serve, none of them in the moment in
// which it comes free.
func pairs(from time.Duration, n int, hold time.Duration) []arrival {
	arrivals := []arrival{{at: from, hold: hold}}
	for i := 1; i < n; i++ {
		arrivals = append(arrivals, arrival{at: from + time.Duration(i)*hold/2 + hold/8, hold: hold})
	}
	return arrivals
}

func wasShed(o outcome) bool { return errors.Is(o.err, ErrShed) }

func TestShedRequestSaysSo(t *testing.T) {
	const target = 10 * time.Millisecond
	arrivals := pairs(0, 400, target)
	s := simulate(t, Options{MaxPerHost: 1, ShedTarget: target}, arrivals)
	shed := 0
	for i, o := range s.outcomes {
		switch {
		case wasShed(o):
			shed++
			var l *LimitError
			if !errors.As(o.err, &l) || l.Timeout() || l.ErrorType() != "pool_shed" || l.Host != simulated.String() {
				t.Fatalf("refusal %+v, want one by shedding, of its host, and no timeout", l)
			}
			if waited := o.began - arrivals[i].at; l.Waited != waited || waited <= 2*target {
				t.Fatalf("shed after %v, it says %v; want over %v", waited, l.Waited, 2*target)
			}
		case !o.served():
			t.Fatal(o.err)
		}
	}
	if shed == 0 {
		t.Error("nothing was shed at twice the load")
	}
	if s.stats.Shed != uint64(shed) || s.stats.Requests != uint64(len(arrivals)-shed) {
		t.Errorf("%d shed and %d sent in Stats, want %d and %d", s.stats.Shed, s.stats.Requests, shed, len(arrivals)-shed)
	}
}

func TestBurstIsNotShed(t *testing.T) {
	const target = 10 * time.Millisecond
	overload := pairs(0, 400, target) // 2 s
	for _, v := range []struct {
		name  string
		later []arrival
	}{
		{"first thing", nil},
		{"after a slot was unused", pairs(2050*time.Millisecond, 20, target)},
		{"after nobody waited", append([]arrival{{at: 2005 * time.Millisecond, hold: 5 * time.Second}}, pairs(4*time.Second, 20, target)...)},
	} {
		t.Run(v.name, func(t *testing.T) {
			arrivals := pairs(0, 20, target)
			if v.later != nil {
				arrivals = slices.Concat(overload, v.later)
			}
			outcomes := simulate(t, Options{MaxPerHost: 1, ShedTarget: target}, arrivals).outcomes
			burst := outcomes[len(outcomes)-20:]
			if n := count(burst, func(_ int, o outcome) bool { return !o.served() }); n != 0 {
				t.Errorf("%d of %d were refused", n, len(burst))
			}
		})
	}
}

// TestLastWaiterIsNotShed: no other request would use its slot.
func TestLastWaiterIsNotShed(t *testing.T) {
	const target = 10 * time.Millisecond
	arrivals := pairs(0, 400, target)
	last := arrivals[len(arrivals)-1].at
	for i := range 3 { // three in a moment wait for three times the target
		arrivals = append(arrivals, arrival{at: last + time.Duration(i+1), hold: 3 * target})
	}
	s := simulate(t, Options{MaxPerHost: 1, ShedTarget: target}, arrivals)
	if s.stats.Shed == 0 {
		t.Fatal("nothing was shed at twice the load")
	}
	if o := s.outcomes[len(s.outcomes)-1]; !o.served() || o.began-last <= 2*target {
		t.Errorf("after %v got %v, want to be served after over %v", o.began-last, o.err, 2*target)
	}
}
