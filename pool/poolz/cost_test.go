package poolz

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool"
)

// slowly is a Pool of which it takes some time to ask.
type slowly struct {
	inspected
	mu    sync.Mutex
	takes time.Duration
	all   time.Duration // that it has taken
}

func (s *slowly) OldestInFlight(host string, most int) []pool.Request {
	if host != "" { // it is not for a sample
		return s.inspected.OldestInFlight(host, most)
	}
	s.mu.Lock()
	takes := s.takes
	s.all += takes
	s.mu.Unlock()
	time.Sleep(takes)
	return s.inspected.OldestInFlight(host, most)
}

func (s *slowly) become(takes time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes, s.all = takes, 0
}

func (s *slowly) share(of time.Duration) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Seconds() / of.Seconds()
}

// Whatever it takes to ask a Pool, which may have grown since the first look, and however often
// its page is looked at, a fiftieth of the time goes into that; and the history goes on.
func TestAFiftiethOfTheTimeIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Options{})
		v := newViewer(p)
		slow := &slowly{inspected: v.in, takes: 10 * time.Microsecond} // it is empty
		v.in = slow
		v.look(nil, true)
		for _, takes := range []time.Duration{10 * time.Microsecond, 200 * time.Microsecond, 3 * time.Millisecond, 100 * time.Millisecond} {
			slow.become(takes)
			for range 2 { // until it has shown what it takes
				v.look(nil, true)
				time.Sleep(10 * time.Second)
			}
			slow.become(takes)
			forTime := max(6*time.Second, 20*costShare*takes)
			began := time.Now()
			var pollers sync.WaitGroup
			for i := range 3 {
				pollers.Go(func() {
					for time.Since(began) < forTime {
						v.look(nil, i == 0)
						time.Sleep(takes * time.Duration(3+i))
					}
				})
			}
			pollers.Wait()
			synctest.Wait()
			if share := slow.share(time.Since(began)); share > 1.05/costShare || share < 0.1/costShare {
				t.Errorf("where it takes %v, it is asked for %.4f of the time, want 1/%d at most", takes, share, costShare)
			}
			all, _, _ := v.history(nil)
			n := 0
			for _, p := range all {
				if p.at.After(began) {
					n++
				}
			}
			if least := int(forTime / max(tickEvery, 2*costShare*takes)); n < least-1 {
				t.Errorf("where it takes %v: %d points in %v, want %d or more", takes, n, forTime, least-1)
			}
		}
		p.Close()
		time.Sleep(time.Minute)
	})
}

// Only the first JSON waits for a sample to its end: the others have the last one, and its time.
func TestJSONWaitsForTheFirstSampleAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Options{})
		h := Handler(p).(*handler)
		stub.Do(p.Middleware(stub.Transport{}), to("GET", "api.example", "/"))
		h.v.in = &slowly{inspected: h.v.in, takes: time.Second}
		wait := func(target string) time.Duration {
			began := time.Now()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d", target, w.Code)
			}
			return time.Since(began)
		}
		if text := ask(h, "/?host=http://api.example:80").Body.String(); !strings.Contains(text, "Counting the hosts") || !strings.Contains(text, `http-equiv="refresh" content="1"`) {
			t.Errorf("the first look at a host: %s", text)
		}
		if got := wait("/?format=html"); got != patience {
			t.Errorf("HTML came after %v, want %v", got, patience)
		}
		if got := wait("/?format=json"); got != time.Second-2*patience {
			t.Errorf("the first JSON came after %v, want %v", got, time.Second-2*patience)
		}
		if w := ask(h, "/?host=http://api.example:80"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `id="h-conns"`) {
			t.Errorf("the host's page: %d", w.Code)
		}
		if w := ask(h, "/?host=http://other.example:80"); w.Code != http.StatusNotFound {
			t.Errorf("a host that is not there: %d", w.Code)
		}
		time.Sleep(costShare*time.Second - time.Second/2) // the next one is under way
		if got := wait("/?format=json"); got != patience {
			t.Errorf("JSON came after %v, want %v", got, patience)
		}
		p.Close()
		time.Sleep(2 * costShare * time.Second)
	})
}
