package roundtrippertest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
	"github.com/warmconn/warmconn/trace"
)

// layers are the kit's. Each call makes new ones.
var layers = map[string]func() roundtripper.Middleware{
	"trace":   func() roundtripper.Middleware { return trace.New(trace.Options{}).Middleware },
	"drain":   func() roundtripper.Middleware { return drain.New(drain.Options{}).Middleware },
	"pool":    func() roundtripper.Middleware { return pool.New(pool.Options{MaxPerHost: 100}).Middleware },
	"observe": func() roundtripper.Middleware { return roundtripper.Observe(roundtripper.Observer{}) },
}

func TestEachLayerKeepsTheContract(t *testing.T) {
	for name, layer := range layers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roundtrippertest.TestMiddleware(t, layer())
		})
	}
}

func TestEveryOrderOfTheLayersKeepsTheContract(t *testing.T) {
	orders := permutations([]string{"trace", "drain", "pool", "observe"})
	if !fullsize.Asked() {
		orders = neighbours
	}
	for _, order := range orders {
		t.Run(strings.Join(order, ","), func(t *testing.T) {
			t.Parallel()
			var mw []roundtripper.Middleware
			for _, name := range order {
				mw = append(mw, layers[name]())
			}
			roundtrippertest.TestMiddleware(t, roundtripper.Chain(mw...))
		})
	}
}

// neighbours are the orders that have each layer right above each other one, and each
// layer outermost and innermost: what the small size has.
var neighbours = [][]string{
	{"trace", "drain", "observe", "pool"},
	{"drain", "pool", "trace", "observe"},
	{"pool", "observe", "drain", "trace"},
	{"observe", "trace", "pool", "drain"},
}

func permutations(names []string) (all [][]string) {
	if len(names) == 0 {
		return [][]string{nil}
	}
	for i, first := range names {
		rest := slices.Delete(slices.Clone(names), i, i+1)
		for _, p := range permutations(rest) {
			all = append(all, append([]string{first}, p...))
		}
	}
	return all
}

// TestSpecialStacksKeepTheContract has the stacks that are not orders of the layers.
func TestSpecialStacksKeepTheContract(t *testing.T) {
	foreign := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) {
			req = req.Clone(req.Context())
			req.Header.Set("X-Foreign", "1")
			return next.RoundTrip(req)
		})
	}
	observe, drained := layers["observe"](), layers["drain"]()
	stacks := map[string][]roundtripper.Middleware{
		"no layer":           nil,
		"somebody else's":    {foreign},
		"one layer twice":    {observe, observe},
		"two of a kind":      {layers["trace"](), layers["drain"](), layers["drain"](), layers["pool"]()},
		"foreign between":    {layers["trace"](), drained, foreign, layers["pool"]()},
		"foreign outermost":  {foreign, layers["trace"](), layers["pool"]()},
		"nested stacks":      {layers["trace"](), layers["pool"](), foreign, layers["trace"](), layers["drain"](), layers["pool"]()},
		"pool lets one pass": {pool.New(pool.Options{MaxPerHost: 1}).Middleware},
		"pool refuses":       {pool.New(pool.Options{MaxPerHost: 6, MaxWaiting: 16, WaitTimeout: time.Second}).Middleware},
		"drain never":        {drain.New(drain.Options{Policy: drain.Never}).Middleware},
	}
	for name, mw := range stacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roundtrippertest.TestMiddleware(t, roundtripper.Chain(mw...))
		})
	}
}
