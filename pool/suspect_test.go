package pool_test

import (
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// reports keeps the Leaks that OnLeak was called with.
type reports struct {
	mu  sync.Mutex
	all []pool.Leak
}

func (r *reports) add(l pool.Leak) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, l)
}

func (r *reports) list() []pool.Leak {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]pool.Leak(nil), r.all...)
}

const leakAfter = 30 * time.Second

func TestBodyOpenForTooLongIsSuspectedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reports
		var open atomic.Int32
		p := pool.New(pool.Options{LeakAfter: leakAfter, OnLeak: r.add})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		resp, err := client.Get("http://host.example/")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(leakAfter - 1)
		synctest.Wait()
		if got := r.list(); len(got) != 0 {
			t.Fatalf("reported %+v before its time", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		got := r.list()
		if len(got) != 1 {
			t.Fatalf("%d reports, want 1", len(got))
		}
		l := got[0]
		if !l.Suspected || l.Host != "http://host.example:80" || l.Method != "GET" || l.Age != leakAfter || l.Transports != 0 ||
			!strings.Contains(l.Caller, "suspect_test.go:") {
			t.Errorf("leak %+v", l)
		}
		time.Sleep(10 * leakAfter)
		synctest.Wait()
		if got := r.list(); len(got) != 1 {
			t.Errorf("%d reports of one body, want 1", len(got))
		}
		if open.Load() != 1 {
			t.Error("the body was taken away")
		}
		if s := p.Stats(); s.Suspected != 1 || s.Hosts[0].Suspected != 1 || s.Leaks != 0 || s.InUse != 1 {
			t.Errorf("stats %+v, want 1 suspected and still in use", s)
		}
		resp.Body.Close()
		if s := p.Stats(); s.Suspected != 1 || s.InUse != 0 {
			t.Errorf("stats %+v, want 1 suspected and none in use", s)
		}
	})
}

// A request for which the server takes its time holds no body.
func TestWaitingForTheResponseIsNotSuspected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r reports
		var open atomic.Int32
		answers := endless(&open)
		p := pool.WithoutCollections(pool.New(pool.Options{LeakAfter: leakAfter, OnLeak: r.add, MaxPerHost: 1}))
		client := &http.Client{Transport: p.Middleware(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
			time.Sleep(10 * leakAfter)
			return answers(req)
		}))}
		var wg sync.WaitGroup
		for range 3 { // the second and the third wait in the queue
			wg.Go(func() {
				resp, err := client.Get("http://host.example/")
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(leakAfter - 1)
				resp.Body.Close()
			})
		}
		wg.Wait()
		if got := r.list(); len(got) != 0 {
			t.Errorf("reported %+v", got)
		}
	})
}

// There is one alarm for the whole host. Each body must have its own time all the same, also when
// the ones before it are gone.
func TestEachBodyIsSuspectedInItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		at := make(map[string]time.Duration)
		var mu sync.Mutex
		var open atomic.Int32
		p := pool.New(pool.Options{LeakAfter: leakAfter, OnLeak: func(l pool.Leak) {
			mu.Lock()
			defer mu.Unlock()
			at[l.Method] = time.Since(began)
		}})
		answers := endless(&open)
		client := &http.Client{Transport: p.Middleware(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
			if req.Method == "DELETE" {
				time.Sleep(5 * time.Second) // not a part of its time
			}
			return answers(req)
		}))}
		var held []*http.Response
		for _, method := range []string{"GET", "PUT", "POST", "PATCH", "DELETE"} {
			req, _ := http.NewRequest(method, "http://host.example/", nil)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, resp)
			time.Sleep(time.Second)
		}
		held[0].Body.Close() // the body for which the alarm was set
		held[2].Body.Close()
		time.Sleep(2 * leakAfter)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(at) != 3 || at["PUT"] != leakAfter+time.Second || at["PATCH"] != leakAfter+3*time.Second || at["DELETE"] != leakAfter+9*time.Second {
			t.Errorf("suspected at %v, want PUT, PATCH and DELETE 30 s after each response", at)
		}
		for _, resp := range held {
			resp.Body.Close()
		}
	})
}

func TestExemptRequestIsNotSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reports
		var open atomic.Int32
		p := pool.New(pool.Options{LeakAfter: leakAfter, OnLeak: r.add})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		req, _ := http.NewRequestWithContext(pool.Exempt(t.Context()), "GET", "http://host.example/", nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * leakAfter)
		synctest.Wait()
		if got, in := r.list(), p.InFlight(); len(got) != 0 || len(in) != 0 {
			t.Errorf("reported %+v, in flight %+v; want neither", got, in)
		}
		resp.Body.Close()
	})
}

// A callback that hangs holds up no other callback, even of the same host, and no request.
func TestSlowCallbackDelaysNoOtherReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var calls atomic.Int32
		var open atomic.Int32
		p := pool.New(pool.Options{LeakAfter: leakAfter, OnLeak: func(pool.Leak) {
			if calls.Add(1) == 1 {
				<-hang
			}
		}})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		for range 2 {
			resp, err := client.Get("http://host.example/")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			time.Sleep(time.Second)
		}
		time.Sleep(leakAfter)
		synctest.Wait()
		if got := calls.Load(); got != 2 {
			t.Errorf("%d reports, want the second one to pass the first", got)
		}
		if s := p.Stats(); s.Suspected != 2 {
			t.Errorf("%d suspected, want 2", s.Suspected)
		}
		close(hang)
	})
}

// The counters of a host must not be lost when it is forgotten.
func TestSuspectsOfForgottenHostsAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{LeakAfter: leakAfter})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		resp, err := client.Get("http://host.example/")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * leakAfter)
		synctest.Wait()
		resp.Body.Close()
		for i := range fullsize.Of(10_000, 6000) {
			req, _ := http.NewRequest("GET", "http://host"+string(rune('a'+i%26))+"-"+time.Duration(i).String()+".example/", nil)
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
			}
		}
		if s := p.Stats(); s.Suspected != 1 || len(s.Hosts) > 5000 {
			t.Errorf("%d suspected among %d hosts, want 1 of a host that was forgotten", s.Suspected, len(s.Hosts))
		}
	})
}

func TestDroppedBodyThatWasSuspectedIsReportedTwice(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	var r reports
	p := pool.New(pool.Options{LeakAfter: time.Millisecond, OnLeak: r.add})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	holdUntilSuspected(t, client, srv.URL, &r)
	eventually.Collected(t, "the second report", func() bool { return len(r.list()) >= 2 })
	got := r.list()
	if len(got) != 2 || !got[0].Suspected || got[1].Suspected || got[1].Method != "GET" || got[1].Caller != got[0].Caller {
		t.Errorf("reports %+v, want a suspicion and then the proof", got)
	}
	if s := p.Stats(); s.Suspected != 1 || s.Leaks != 1 || s.InUse != 0 {
		t.Errorf("stats %+v, want 1 suspected, 1 leak and none in use", s)
	}
}

//go:noinline
func holdUntilSuspected(t *testing.T, client *http.Client, url string, r *reports) {
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the first report", func() bool { return len(r.list()) == 1 })
	runtime.KeepAlive(resp)
}

func TestInFlightListsWhatIsOpenAndWhatWaits(t *testing.T) {
	for name, o := range map[string]pool.Options{
		"LeakAfter":    {LeakAfter: leakAfter},
		"AlwaysCaller": {AlwaysCaller: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var open atomic.Int32
				answers := endless(&open)
				p := pool.New(o)
				client := &http.Client{Transport: p.Middleware(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
					if req.Method == "POST" {
						time.Sleep(time.Hour)
					}
					return answers(req)
				}))}
				resp, err := client.Get("http://host.example/")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if resp, err := client.Post("http://other.example/", "", nil); err == nil {
						resp.Body.Close()
					}
				}()
				synctest.Wait()
				got := p.InFlight()
				if len(got) != 2 {
					t.Fatalf("in flight %+v, want 2", got)
				}
				a, b := got[0], got[1]
				if a.Host != "http://host.example:80" || a.Method != "GET" || a.Age != time.Second || !a.Answered || a.Suspected {
					t.Errorf("the first is %+v", a)
				}
				if b.Host != "http://other.example:80" || b.Method != "POST" || b.Age != 0 || b.Answered || b.Suspected {
					t.Errorf("the second is %+v", b)
				}
				for _, r := range got {
					if !strings.Contains(r.Caller, "suspect_test.go:") {
						t.Errorf("caller %q, want one in suspect_test.go", r.Caller)
					}
				}
				time.Sleep(leakAfter)
				synctest.Wait()
				if got := p.InFlight(); len(got) != 2 || got[0].Suspected != (o.LeakAfter > 0) || got[1].Suspected {
					t.Errorf("in flight %+v after %v", got, leakAfter)
				}
				resp.Body.Close()
				<-done
				if got := p.InFlight(); len(got) != 0 {
					t.Errorf("in flight %+v, want none", got)
				}
			})
		})
	}
}

func TestInFlightIsEmptyUnlessAskedFor(t *testing.T) {
	p := pool.New(pool.Options{})
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	resp, err := p.Middleware(stub.Transport{}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := p.InFlight(); got != nil {
		t.Errorf("in flight %+v, want none", got)
	}
}

func TestAlwaysCallerLeavesNoneOut(t *testing.T) {
	for _, always := range []bool{false, true} {
		p := pool.New(pool.Options{AlwaysCaller: always, LeakAfter: time.Hour})
		rt := p.Middleware(stub.Transport{})
		req, _ := http.NewRequest("GET", "http://host.example/", nil)
		for range 1000 { // past those whose stack is always taken
			stub.Do(rt, req)
		}
		var held []*http.Response
		for range 128 {
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, resp)
		}
		n := 0
		for _, r := range p.InFlight() {
			if r.Caller != "" {
				n++
			}
		}
		if want := map[bool]int{false: 2, true: 128}[always]; n != want {
			t.Errorf("always=%v: %d of 128 have a caller, want %d", always, n, want)
		}
		for _, resp := range held {
			resp.Body.Close()
		}
	}
}
