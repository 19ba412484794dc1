package pooltest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/pooltest"
	"github.com/warmconn/warmconn/roundtripper"
)

// long has a body that is drained neither by the kit nor by net/http.
func long(w http.ResponseWriter, r *http.Request) {
	if r.Method == "PUT" {
		return
	}
	w.Header().Set("Content-Length", "1000000000")
	w.Write(make([]byte, 1<<10))
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// Peek closes its body unread.
func (s *sdk) Peek(path string) {
	resp, err := s.client.Get(s.url + path)
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
}

// Put reads its body.
func (s *sdk) Put(path string) {
	req, _ := http.NewRequest("PUT", s.url+path, nil)
	resp, err := s.client.Do(req)
	if err != nil {
		panic(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// inMemory returns an SDK over p and a server in memory, for a bubble or outside of one.
func inMemory(t testing.TB, p *pool.Pool, h http.HandlerFunc, o testserver.Options) *sdk {
	o.Memory = true
	srv := testserver.New(h, o)
	t.Cleanup(srv.Close)
	s := &sdk{client: roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware), url: srv.URL}
	t.Cleanup(func() { runtime.KeepAlive(s) })
	return s
}

// line returns a line of the test, as a call site names it.
func line(after int) string {
	_, file, n, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d ", file, n+after)
}

func TestPassesIfConnectionsAreReused(t *testing.T) {
	for name, o := range map[string]testserver.Options{"http": {}, "tls": {TLS: true}, "h2": {HTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			f := &fake{TB: t}
			s := inMemory(t, pooltest.AssertReused(f, 1), long, o)
			for i := range 20 {
				s.Put(fmt.Sprint("/", i))
			}
			if got := f.end(); len(got) != 0 {
				t.Errorf("failed: %q", got)
			}
		})
	}
}

func TestFailsForAConnectionTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := inMemory(t, pooltest.AssertReused(f, 1), long, testserver.Options{})
		s.Put("/1?sig=SECRET")
		s.Peek("/2?sig=SECRET")
		s.Put("/3?sig=SECRET")
		got := f.end()
		want(t, got, "pooltest: a connection more than 1: for PUT "+s.url+"/3, by\n\t", "(*sdk).Put\n",
			"the reason: body_unread, by\n\t", "(*sdk).Peek")
		if len(got) > 0 && strings.Contains(got[0], "SECRET") {
			t.Errorf("failed with %q: the query must not be shown", got[0])
		}
	})
}

func TestFailureNamesTheLines(t *testing.T) {
	f := &fake{TB: t}
	s := inMemory(t, pooltest.AssertReused(f, 0), long, testserver.Options{})
	here := line(1)
	resp, err := s.client.Head(s.url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want(t, f.end(), "a connection more than 0: for HEAD "+s.url+", by\n\t"+here, "the reason: first")
}

// A loop must not hide other connections.
func TestConnectionsOfOnePlaceAreOneFailure(t *testing.T) {
	f := &fake{TB: t}
	s := inMemory(t, pooltest.AssertReused(f, 2), long, testserver.Options{})
	for i := range 20 {
		s.Peek(fmt.Sprint("/", i))
	}
	// The first two are allowed.
	want(t, f.end(), "18 times: a connection more than 2: for GET "+s.url+"/2, by\n\t", "body_unread")
}

func TestConnectionsAreCountedHostByHost(t *testing.T) {
	f := &fake{TB: t}
	p := pooltest.AssertReused(f, 1)
	one, two := inMemory(t, p, long, testserver.Options{}), inMemory(t, p, long, testserver.Options{})
	two.url = strings.Replace(two.url, "http://", "http://other.", 1)
	for range 3 {
		one.Put("/")
		two.Put("/")
	}
	two.Peek("/")
	two.Put("/")
	want(t, f.end(), "for PUT "+two.url+"/, by", "body_unread")
}

// Connections for an avoidable reason come first.
func TestAvoidableReasonsAreToldFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := inMemory(t, pooltest.AssertReused(f, 2), long, testserver.Options{})
		s.Peek("/")
		s.Put("/") // body_unread
		s.Keep()
		s.Put("/") // all_busy
		s.Close()
		want(t, f.end(), "the reason: body_unread")
	})
}

func TestRequestsAtOnceNeedAsManyConnections(t *testing.T) {
	for allowed, wrong := range map[int]int{4: 0, 3: 1} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{TB: t}
			s := inMemory(t, pooltest.AssertReused(f, allowed), func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second)
			}, testserver.Options{})
			for range 3 {
				var all sync.WaitGroup
				for range 4 {
					all.Go(s.Read)
				}
				all.Wait()
			}
			if got := f.end(); len(got) != wrong {
				t.Errorf("%d allowed: failed with %q, want %d", allowed, got, wrong)
			} else if wrong > 0 {
				want(t, got, "the reason: all_busy")
			}
		})
	}
}

// Open bodies have their connections while the test looks.
func TestOpenBodiesHaveConnectionsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := inMemory(t, pooltest.AssertReused(f, 1), long, testserver.Options{})
		for range 3 {
			s.Keep()
		}
		want(t, f.end(), "2 times: a connection more than 1: for GET "+s.url, "the reason: all_busy")
		s.Close()
	})
}

func TestTransportsOfTheirOwnAreFound(t *testing.T) {
	f := &fake{TB: t}
	p := pooltest.AssertReused(f, 1)
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	for range 3 {
		tr := srv.Transport()
		defer tr.CloseIdleConnections()
		(&sdk{client: roundtripper.Client(&http.Client{Transport: tr}, p.Middleware), url: srv.URL}).Read()
	}
	want(t, f.end(), "2 times: a connection more than 1", "the reason: first")
}

// An Exempt request has no slot, and one within another has none of its own. Both have
// connections.
func TestRequestsWithoutASlotCount(t *testing.T) {
	f := &fake{TB: t}
	p := pooltest.AssertReused(f, 1)
	s := inMemory(t, p, long, testserver.Options{})
	s.Keep()
	req, _ := http.NewRequestWithContext(pool.Exempt(context.Background()), "PUT", s.url, nil)
	here := line(1)
	if resp, err := s.client.Do(req); err != nil {
		t.Fatal(err)
	} else {
		resp.Body.Close()
	}
	s.Close()
	want(t, f.end(), "for PUT "+s.url+", by\n\t"+here, "the reason: all_busy")
}

// A Pool that is twice in a stack, with foreign middleware between, counts each connection once.
func TestConnectionBehindForeignMiddlewareCountsOnce(t *testing.T) {
	f := &fake{TB: t}
	p := pooltest.AssertReused(f, 1)
	s := inMemory(t, p, long, testserver.Options{})
	foreign := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Func(func(req *http.Request) (*http.Response, error) { return next.RoundTrip(req) })
	}
	s.client = roundtripper.Client(s.client, p.Middleware, foreign)
	for range 3 {
		s.Put("/")
	}
	if got := f.end(); len(got) != 0 {
		t.Errorf("failed: %q", got)
	}
}

func TestCheckReusedForgivesWhatWasBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Options{MaxPerHost: 8, OnWarning: func(w pool.Warning) {
			t.Errorf("warned: %s", w)
		}})
		defer p.Close()
		s := inMemory(t, p, long, testserver.Options{})
		s.Peek("/1")
		s.Put("/2")
		s.Keep()
		f := &fake{TB: t}
		pooltest.CheckReused(f, p, 1)
		s.Close()
		s.Put("/3")
		s.Put("/4")
		if got := f.end(); len(got) != 0 {
			t.Errorf("failed for connections before the call: %q", got)
		}

		f = &fake{TB: t}
		pooltest.CheckReused(f, p, 0)
		s.Peek("/5")
		s.Put("/6")
		want(t, f.end(), "for PUT "+s.url+"/6, by\n\t", "body_unread, by\n\t", "(*sdk).Peek")

		s.Peek("/7") // nothing is told any more
		if got := f.failures; len(got) != 1 {
			t.Errorf("failed with %q after the end", got)
		}
	})
}

// One Pool for both checks.
func TestCheckReusedOfAPoolThatAssertsNoLeaks(t *testing.T) {
	f := &fake{TB: t}
	p := pooltest.AssertNoLeaks(f)
	pooltest.CheckReused(f, p, 1)
	s := inMemory(t, p, long, testserver.Options{})
	s.Status()
	eventually.True(t, "the leak to be found", func() bool {
		collect()
		return p.Stats().Leaks == 1
	})
	s.Put("/")
	got := f.end()
	if len(got) != 2 || !strings.Contains(got[0], "the reason: body_leaked, by\n\t") || !strings.Contains(got[1], dropped) {
		t.Errorf("failed with %q, want the connection and the leak", got)
	}
}
