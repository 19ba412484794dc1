package pool_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	httppprof "net/http/pprof"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// profileOf is the test's own: a profile has its name for as long as the program runs.
func profileOf(t testing.TB) *pprof.Profile {
	name := "warmconn.open_bodies " + t.Name()
	if p := pprof.Lookup(name); p != nil {
		return p
	}
	return pprof.NewProfile(name)
}

// stacksOf are the profile's stacks, each with its count, the innermost function first.
func stacksOf(t *testing.T, p *pprof.Profile) (stacks [][]string) {
	t.Helper()
	var text bytes.Buffer
	if err := p.WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(text.String(), "\n\n") {
		var stack []string
		for line := range strings.Lines(part) {
			if m := regexp.MustCompile(`^#\t0x[0-9a-f]+\t(\S+)\+0x`).FindStringSubmatch(line); m != nil {
				stack = append(stack, m[1])
			}
		}
		if stack != nil {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// hold gets url, and leaves the body open.
func hold(t *testing.T, c *http.Client, url string) *http.Response {
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestOpenBodiesAreAProfile(t *testing.T) {
	srv := answers(t)
	open := profileOf(t)
	p := pool.New(pool.Options{OpenBodies: open})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	var bodies []io.Closer
	for range 3 {
		bodies = append(bodies, hold(t, client, srv.URL).Body)
	}
	if err := get(client, srv.URL); err != nil { // to its end
		t.Fatal(err)
	}
	if n := open.Count(); n != 3 {
		t.Errorf("%d bodies are open, want 3", n)
	}
	stacks := stacksOf(t, open)
	if len(stacks) != 1 || !strings.HasSuffix(stacks[0][0], "pool_test.hold") || !strings.HasSuffix(stacks[0][1], "pool_test.TestOpenBodiesAreAProfile") {
		t.Errorf("the stacks are %q, want one that begins with hold and its caller", stacks)
	}

	page := httptest.NewRecorder()
	httppprof.Index(page, httptest.NewRequest("GET", "/debug/pprof/", nil))
	if !strings.Contains(page.Body.String(), "warmconn.open_bodies") {
		t.Error("it is not among /debug/pprof's")
	}

	for _, b := range bodies {
		b.Close()
	}
	if n := open.Count(); n != 0 {
		t.Errorf("%d bodies are open when all were closed", n)
	}
}

// What the profile holds must not be what the collector is to find.
func TestOpenBodiesThatWereDroppedAreFound(t *testing.T) {
	srv := answers(t)
	open := profileOf(t)
	var r reports
	p := pool.New(pool.Options{OpenBodies: open, OnLeak: r.add})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	const n = 20
	for range n {
		hold(t, client, srv.URL)
	}
	eventually.Collected(t, "all leaks to be found", func() bool { return len(r.list()) == n })
	eventually.True(t, "the profile to be empty", func() bool { return open.Count() == 0 })
}

func TestOpenBodiesAreThoseOfSampledRequests(t *testing.T) {
	for _, v := range []struct {
		name   string
		always bool
		n      int
		want   func(int) bool
	}{
		{"sampled", false, 2000, func(n int) bool { return 512 < n && n < 600 }},
		{"all", true, 2000, func(n int) bool { return n == 2000 }},
	} {
		t.Run(v.name, func(t *testing.T) {
			open := profileOf(t)
			p := pool.New(pool.Options{OpenBodies: open, AlwaysCaller: v.always})
			client := &http.Client{Transport: p.Middleware(stub.Transport{})}
			var bodies []io.Closer
			for range v.n {
				bodies = append(bodies, hold(t, client, "http://host.example/").Body)
			}
			if n := open.Count(); !v.want(n) {
				t.Errorf("%d of %d open bodies are in the profile", n, v.n)
			}
			for _, b := range bodies {
				b.Close()
			}
			if n := open.Count(); n != 0 {
				t.Errorf("%d are left", n)
			}
		})
	}
}

// A request that gets no body leaves nothing behind.
func TestOpenBodiesAreNotThoseThatNeverWere(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusNoContent)
	}), testserver.Options{})
	defer srv.Close()
	open := profileOf(t)
	p := pool.New(pool.Options{OpenBodies: open})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	hold(t, client, srv.URL)
	if _, err := client.Get(srv.URL + "/broken"); err == nil {
		t.Error("no error of a server that hung up")
	}
	if n := open.Count(); n != 0 {
		t.Errorf("%d bodies are open, want none: %q", n, stacksOf(t, open))
	}
}

func TestOpenBodiesCostNothingWhereTheStackIsNotTaken(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: the check of races allocates")
	}
	req, err := http.NewRequest("GET", "http://host.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	allocs := make(map[bool]float64)
	for _, profiled := range []bool{false, true} {
		var o pool.Options
		if profiled {
			o.OpenBodies = profileOf(t)
		}
		rt := pool.New(o).Middleware(stub.Transport{})
		for range 1000 { // past the first stacks
			stub.Do(rt, req)
		}
		allocs[profiled] = testing.AllocsPerRun(1000, func() { stub.Do(rt, req) })
	}
	// One in 64 has its stack taken, which rounds down to nothing.
	if allocs[true] > allocs[false] {
		t.Errorf("%v allocations with a profile and %v without", allocs[true], allocs[false])
	}
}

// TestGoroutineLeaksAndDroppedBodies stands Go's own profile of leaked goroutines beside
// what the kit finds. The goroutines of a connection whose body was dropped wait for the
// server, which is no leak to the runtime.
//
//	go test -run GoroutineLeaksAndDroppedBodies -v ./pool
func TestGoroutineLeaksAndDroppedBodies(t *testing.T) {
	leaked := pprof.Lookup("goroutineleak")
	if leaked == nil {
		t.Skip("SKIPPED: this Go has no goroutineleak profile: go1.27 has, and go1.26 with GOEXPERIMENT=goroutineleakprofile")
	}
	const n = 20
	srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{})
	defer srv.Close()
	found := func() int {
		var text bytes.Buffer
		if err := leaked.WriteTo(&text, 1); err != nil { // runs the collector
			t.Fatal(err)
		}
		total := 0
		fmt.Sscanf(text.String(), "goroutineleak profile: total %d", &total)
		return total
	}
	before := found()

	bare := &http.Client{Transport: srv.Transport()}
	for range n {
		hold(t, bare, srv.URL)
	}
	byGo := found() - before

	open := profileOf(t)
	var r reports
	p := pool.New(pool.Options{OpenBodies: open, OnLeak: r.add})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	listed := 0
	for range n {
		hold(t, client, srv.URL)
		listed = max(listed, open.Count()) // the collector may find some at any time
	}
	eventually.Collected(t, "all leaks to be found", func() bool { return len(r.list()) == n })
	t.Logf("%d bodies dropped, never closed: Go's goroutineleak profile finds %d; warmconn.open_bodies had listed %d, and OnLeak was told of %d, by\n%s",
		n, byGo, listed, len(r.list()), r.list()[0].Caller)
	if byGo != 0 {
		t.Errorf("Go's profile finds %d of them: docs/profiles.md says that it finds none", byGo)
	}
	if listed == 0 || listed > n {
		t.Errorf("%d of %d were listed as open", listed, n)
	}
	for _, l := range r.list() {
		if !strings.HasSuffix(l.Caller, "pool_test.hold") {
			t.Errorf("one was told to be by %q", l.Caller)
		}
	}
	bare.CloseIdleConnections()
}
