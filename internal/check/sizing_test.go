package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The example of docs/sizing.md: requests come at random, at a given rate; each is held for as
// long as the server takes; and a Pool has a given number of slots.
const (
	sizingRate = 200                   // requests per second
	sizingHold = 50 * time.Millisecond // on average
	sizingTime = 2 * time.Minute       // of the bubble's
)

func TestSizingInDocsIsComputed(t *testing.T) {
	watchSources(t)
	var b strings.Builder
	little := sizingRate * sizingHold.Seconds()
	fmt.Fprintf(&b, "%d requests/s, held for %v on average: L = %d/s × %v s = %.0f in flight\n\n",
		sizingRate, sizingHold, sizingRate, sizingHold.Seconds(), little)
	fmt.Fprintln(&b, "MaxPerHost  in use  busy   waited  median wait  p99 wait  refused")
	all := []int{0, 30, 20, 15, 12, 11, 8}
	rows := all
	if !fullsize.Asked() && !*updateDocs {
		rows = []int{12} // the others in .ci/run's step full
	}
	for _, slots := range rows {
		s := simulateSizing(t, slots)
		name, busy := fmt.Sprint(slots), fmt.Sprintf("%3.0f %%", 100*s.inUse/float64(slots))
		if slots == 0 {
			name, busy = "no limit", "    -"
		}
		fmt.Fprintf(&b, "%-10s  %6.1f  %s  %4.0f %%  %8d ms  %5d ms  %4.1f %%\n", name, s.inUse, busy,
			100*s.waited, s.wait(0.5), s.wait(0.99), 100*s.refused)
		// Little's law holds for the served requests, with any limit.
		if served := sizingRate * (1 - s.refused) * sizingHold.Seconds(); s.inUse < 0.95*served || s.inUse > 1.05*served {
			t.Errorf("%s slots: %.2f in use on average, and Little's law says %.2f", name, s.inUse, served)
		}
	}
	if len(rows) < len(all) {
		wantLines(t, "sizing.md", "little", b.String())
		t.Logf("%d of %d rows; all with WARMCONN_FULL=1", len(rows), len(all))
		return
	}
	wantGenerated(t, "sizing.md", "little", b.String())
}

type holdKey struct{} // a time.Duration

type sizing struct {
	inUse           float64 // on average
	waited, refused float64 // of all
	waits           []time.Duration
}

// wait is a quantile of the waits of all that were served, in ms.
func (s sizing) wait(q float64) int64 {
	return s.waits[int(q*float64(len(s.waits)-1))].Round(time.Millisecond).Milliseconds()
}

func simulateSizing(t *testing.T, slots int) (s sizing) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		p := pool.New(pool.Options{MaxPerHost: slots, WaitTimeout: time.Second})
		defer p.Close()
		var mu sync.Mutex
		var held time.Duration // by all slots together
		rt := p.Middleware(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
			took := req.Context().Value(holdKey{}).(time.Duration)
			time.Sleep(took)
			mu.Lock()
			held += took
			mu.Unlock()
			return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
		}))
		var all sync.WaitGroup
		n, refused := 0, 0
		began := time.Now()
		for time.Since(began) < sizingTime {
			time.Sleep(time.Duration(random.ExpFloat64() / sizingRate * float64(time.Second)))
			hold := time.Duration(random.ExpFloat64() * float64(sizingHold))
			n++
			all.Go(func() {
				req, _ := http.NewRequestWithContext(context.WithValue(t.Context(), holdKey{}, hold), "GET", "http://api.example/", nil)
				asked := time.Now()
				resp, err := rt.RoundTrip(req)
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, pool.ErrWaitTimeout) {
					refused++
					return
				} else if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				s.waits = append(s.waits, time.Since(asked)-hold)
			})
		}
		all.Wait()
		slices.SortFunc(s.waits, cmp.Compare[time.Duration])
		late := len(s.waits)
		for i, w := range s.waits {
			if w >= time.Millisecond {
				late = i
				break
			}
		}
		s.waited = float64(n-late) / float64(n)
		s.refused = float64(refused) / float64(n)
		s.inUse = held.Seconds() / sizingTime.Seconds()
	})
	return s
}
