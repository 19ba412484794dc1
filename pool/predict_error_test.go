package pool

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
)

// holds are how long slots are held, 20 ms in the mean at first.
var holds = []struct {
	name string
	hold func(r *rand.Rand, at time.Duration) time.Duration
}{
	{"constant", func(*rand.Rand, time.Duration) time.Duration { return meanHold }},
	{"exponential", exponential},
	{"lognormal", func(r *rand.Rand, _ time.Duration) time.Duration {
		const sigma = 1.5 // the 99th percentile is 33 times the median
		return scaled(math.Exp(sigma*r.NormFloat64() - sigma*sigma/2))
	}},
	{"bimodal", func(r *rand.Rand, _ time.Duration) time.Duration {
		if r.Float64() < 0.05 {
			return scaled(0.05 + 0.95*20)
		}
		return scaled(0.05)
	}},
	{"step", func(r *rand.Rand, at time.Duration) time.Duration {
		d := exponential(r, at)
		if at > 3*time.Second && at < 6*time.Second {
			d *= 4
		}
		return d
	}},
}

func scaled(x float64) time.Duration { return time.Duration(x * float64(meanHold)) }

func exponential(r *rand.Rand, _ time.Duration) time.Duration { return scaled(r.ExpFloat64()) }

// TestPredictionsAreSeldomWrong prints how often they are. The columns count requests:
//
//   - refused: refused at once;
//   - false: refused, though it alone, let in, would have got a slot in time;
//   - by far: the same, with a quarter of its time to spare;
//   - paired: refused, though it got a slot when the same requests came without the option;
//   - vain: let in, and got no slot in time.
func TestPredictionsAreSeldomWrong(t *testing.T) {
	t.Parallel()
	const limit = 8
	n := fullsize.Of(4000, 600)
	deadlines := []struct {
		name  string
		of    func(r *rand.Rand) time.Duration
		wrong float64 // of all requests, at most
		byFar float64
	}{
		{"20 ms to 1 s each", func(r *rand.Rand) time.Duration { return time.Duration(20+r.IntN(980)) * time.Millisecond }, 0.07, 0.035},
		{"250 ms each", func(*rand.Rand) time.Duration { return 250 * time.Millisecond }, 1, 0.23},
	}
	for _, d := range deadlines {
		t.Logf("%d slots, %d requests with a deadline of %s", limit, n, d.name)
		t.Logf("%-11s %4s %8s %6s %7s %7s %5s %9s %7s %9s", "holds", "load", "refused", "false", "by far", "paired", "vain", "(without)", "served", "(without)")
		for _, h := range holds {
			loads := []float64{0.9, 1.1, 1.5, 2}
			for _, load := range loads[:fullsize.Of(len(loads), 1)] {
				arrivals := poisson(n, limit, load, meanHold, h.hold)
				r := rand.New(rand.NewPCG(3, 4))
				for i := range arrivals {
					arrivals[i].patience = d.of(r)
				}
				without := simulate(t, Options{MaxPerHost: limit}, arrivals).outcomes
				with := simulate(t, Options{MaxPerHost: limit, RefuseHopeless: true}, arrivals)
				refusedOf := func(which func(i int) bool) int {
					return count(with.outcomes, func(i int, o outcome) bool { return o.refused() && which(i) })
				}
				inTime := func(share float64) int {
					return refusedOf(func(i int) bool {
						return float64(with.alone(arrivals, i)) <= share*float64(arrivals[i].patience)
					})
				}
				served := func(of []outcome) int { return count(of, func(_ int, o outcome) bool { return o.served() }) }
				refused := refusedOf(func(int) bool { return true })
				wrong, byFar, vain := inTime(1), inTime(0.75), n-served(with.outcomes)-refused
				vainWithout := n - served(without)
				t.Logf("%-11s %4.1f %8d %6d %7d %7d %5d %9d %7d %9d", h.name, load, refused, wrong, byFar,
					refusedOf(func(i int) bool { return without[i].served() }), vain, vainWithout, served(with.outcomes), served(without))
				if float64(wrong) > d.wrong*float64(n) || float64(byFar) > d.byFar*float64(n) {
					t.Errorf("%d requests refused that would have made it, %d with time to spare", wrong, byFar)
				}
				if vain > vainWithout {
					t.Errorf("%d waited in vain, %d without the option", vain, vainWithout)
				}
				if got, want := served(with.outcomes), served(without); float64(got) < 0.85*float64(want) {
					t.Errorf("%d served, %d without the option", got, want)
				}
			}
		}
	}
}
