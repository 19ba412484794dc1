package drain

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
	"github.com/warmconn/warmconn/internal/worth"
)

// host is one host in a world without noise but that of the test.
type host struct {
	use  ledger.Entry
	cost time.Duration // of a new connection
}

func newHost(cost time.Duration) *host {
	h := &host{cost: cost}
	ledger.New(nil).Begin(&h.use, ledger.Key{Scheme: "https", Host: "host.example", Port: "443"}, nil, time.Now())
	return h
}

// body is the rest of a body that is closed early.
type body struct {
	size  int64
	takes time.Duration // to read it
	known bool          // the server said how long it is
}

// best returns the cost of the better choice in hindsight.
func (h *host) best(b body) time.Duration { return min(b.takes, h.cost) }

// closes plays a Close, and returns its cost: the drain, and a new connection if there was
// no drain, or one in vain.
func (h *host) closes(b body) time.Duration {
	p := stack.DrainInput{Left: -1, TLS: true, Worth: h.use.Worth(!b.known)}
	p.Cost = h.cost
	if b.known {
		p.Left = b.size
	}
	budget := adapt(p)
	if budget.Time == 0 || b.known && b.size > budget.Bytes {
		h.use.NotDrained(budget.Remeasure, !b.known)
		return h.cost
	}
	if b.takes <= budget.Time && b.size <= budget.Bytes {
		h.use.Read(b.size, b.takes)
		h.use.Drained(b.takes, budget.Cost, true, !b.known)
		return b.takes
	}
	h.use.Read(int64(float64(b.size)*float64(budget.Time)/float64(b.takes)), budget.Time)
	h.use.Drained(budget.Time, budget.Cost, false, !b.known)
	return budget.Time + h.cost
}

// between returns a random number, log-uniform from lo to hi.
func between(r *rand.Rand, lo, hi float64) float64 {
	return lo * math.Exp(r.Float64()*math.Log(hi/lo))
}

// bodyOf returns a random body for a host whose bodies come at the given rate.
func bodyOf(r *rand.Rand, lo, hi, rate float64, known bool) body {
	size := between(r, lo, hi)
	return body{int64(size), time.Duration(size / rate * 1e9), known}
}

// TestOneCloseCostsAtMostTwiceTheBest: with C from 1 to 500 ms, for a body of
// unknown length of a new host, and for one of known length with a rate that is right to a
// factor of two.
func TestOneCloseCostsAtMostTwiceTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	worst := 0.0
	for range fullsize.Of(200_000, 40_000) {
		h := newHost(time.Duration(between(r, 1e6, 500e6)))
		rate := between(r, 10e3, 10e9)
		known := r.IntN(2) == 0
		if known {
			// The part that was read before.
			h.use.Read(10<<20, time.Duration(10<<20/(rate*between(r, .5, 2))*1e9))
		}
		b := bodyOf(r, 1, 64<<20, rate, known)
		ratio := float64(h.closes(b)) / float64(max(h.best(b), 1))
		if worst = max(worst, ratio); ratio > 2.0001 {
			t.Fatalf("C %v, %+v: %.3f times the best", h.cost, b, ratio)
		}
	}
	t.Logf("worst %.3f", worst)
}

// TestManyClosesCostAtMostTwiceTheBest: each host has bodies of its own kind, one after the
// other. The policy learns that a drain of them does not pay, and forgets it again.
func TestManyClosesCostAtMostTwiceTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var kit, best, never, always, ratios float64
	const closes = 400
	hosts := fullsize.Of(2000, 400)
	worst := 0.0
	for range hosts {
		h := newHost(time.Duration(between(r, 1e6, 500e6)))
		rate, size, spread, knownShare := between(r, 100e3, 1e9), between(r, 100, 16<<20), between(r, 1, 30), r.Float64()
		var k, o float64
		for i := range closes {
			if i%100 == 99 && r.IntN(2) == 0 { // a new version of the server
				size = between(r, 100, 16<<20)
			}
			b := bodyOf(r, size/spread, min(size*spread, 60<<20), rate*between(r, .7, 1.4), r.Float64() < knownShare)
			k += h.closes(b).Seconds()
			o += h.best(b).Seconds()
			never += h.cost.Seconds()
			always += b.takes.Seconds()
		}
		kit += k
		best += o
		ratios += k / o
		if worst = max(worst, k/o); k > 2*o {
			t.Errorf("C %v, %.0f bytes/s, %.0f bytes: %.2f times the best", h.cost, rate, size, k/o)
		}
	}
	t.Logf("in all %.3f times the best in hindsight; mean of hosts %.3f, worst host %.3f; always close %.2f, always drain %.2f",
		kit/best, ratios/float64(hosts), worst, never/best, always/best)
}

func TestWhatIsNotWorthADrain(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	tests := []struct {
		name string
		p    stack.DrainInput
		want stack.Budget
	}{
		{"nothing is known, plain", stack.DrainInput{Left: -1, Worth: worth.Worth{Reuse: 1, Ends: 1}},
			stack.Budget{Bytes: maxBytes, Time: seedPlain, Cost: seedPlain}},
		{"nothing is known, TLS", stack.DrainInput{Left: -1, TLS: true, Worth: worth.Worth{Reuse: 1, Ends: 1}},
			stack.Budget{Bytes: maxBytes, Time: seedTLS, Cost: seedTLS}},
		{"as long as a connection takes", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: 1}},
			stack.Budget{Bytes: maxBytes, Time: ms(20), Cost: ms(20)}},
		{"a chance of reuse", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: ms(20), Reuse: .5, Ends: 1}},
			stack.Budget{Bytes: maxBytes, Time: ms(10), Cost: ms(20)}},
		{"hardly a chance", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: ms(20), Reuse: .2, Ends: 1}},
			stack.Budget{CountsAsExperience: true, Why: "rarely_reused", Cost: ms(20)}},
		{"a cheap connection", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: 1000, Reuse: 1, Ends: 1}},
			stack.Budget{Bytes: maxBytes, Time: minTime, Cost: minCost}},
		{"a dear connection", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: ms(3000), Reuse: 1, Ends: 1}},
			stack.Budget{Bytes: maxBytes, Time: maxTime, Cost: ms(3000)}},
		{"a rest that is fast enough", stack.DrainInput{Left: 1000, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: 1, Rate: 50_000}},
			stack.Budget{Bytes: maxBytes, Time: ms(20), Cost: ms(20), LeaveToNetHTTP: true}},
		{"a rest that is too slow", stack.DrainInput{Left: 1001, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: 1, Rate: 50_000}},
			stack.Budget{CountsAsExperience: true, TakeBuffered: true, Why: "too_slow", Cost: ms(20), LeaveToNetHTTP: true}},
		{"far too slow", stack.DrainInput{Left: 10_000, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: 1, Rate: 50_000}},
			stack.Budget{CountsAsExperience: true, TakeBuffered: true, Why: "too_slow", Cost: ms(20)}},
		{"long before", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: .49}},
			stack.Budget{CountsAsExperience: true, TakeBuffered: true, Why: "too_long", Cost: ms(20)}},
		{"as often long as not", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: .5}},
			stack.Budget{Bytes: maxBytes, Time: ms(20), Cost: ms(20)}},
		{"as often long as not, and a timer is dearer than a connection", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: 1000, Reuse: 1, Ends: .6}},
			stack.Budget{CountsAsExperience: true, TakeBuffered: true, Why: "too_long", Cost: minCost}},
		{"long before, with an end", stack.DrainInput{Left: 1000, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: .49}},
			stack.Budget{CountsAsExperience: true, TakeBuffered: true, LeaveToNetHTTP: true, Why: "too_long", Cost: ms(20)}},
		{"long before, and a probe", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: 0, Probe: true}},
			stack.Budget{Bytes: maxBytes, Time: ms(20), Cost: ms(20)}},
		{"much was spent since C was measured", stack.DrainInput{Left: -1, Worth: worth.Worth{Cost: ms(20), Reuse: 1, Ends: 1, Measured: 9, Spent: ms(1281)}},
			stack.Budget{CountsAsExperience: true, Why: "remeasure", Remeasure: true, Cost: ms(20)}},
		{"leaked: nobody waits", stack.DrainInput{Left: -1, Leaked: true, Worth: worth.Worth{Cost: ms(1)}},
			stack.Budget{Bytes: stack.LeakBytes, Time: stack.LeakTime, Cost: ms(1)}},
	}
	for _, tt := range tests {
		if got := adapt(tt.p); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
