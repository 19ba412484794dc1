package ownsdk_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/examples/ownsdk"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/pooltest"
	"github.com/warmconn/warmconn/roundtripper"
)

// service is a fake of it: "missing" is missing, and "broken" is broken, in many words.
func service(t testing.TB) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/missing"):
			http.Error(w, strings.Repeat("no such note. ", 1000), http.StatusNotFound)
		case strings.HasSuffix(r.URL.Path, "/broken"):
			w.Write([]byte(`{"id": 1` + strings.Repeat(" ", 10_000)))
		case r.Method == "GET":
			w.Write([]byte(`{"id": "1", "text": "` + strings.Repeat("milk, ", 5000) + `"}` + "\n"))
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

// client has a Pool of the test's below the SDK's own layers, where it sees what becomes
// of each connection.
func client(t testing.TB, p *pool.Pool) *ownsdk.Client {
	srv := service(t)
	c, err := ownsdk.New(ownsdk.Options{
		BaseURL:    srv.URL,
		HTTPClient: roundtripper.Client(srv.Client(), p.Middleware),
		Conns:      warmconn.Options{Drain: patient},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// patient drains whatever a busy machine takes for it: what the zero Options weigh, the
// cost of a connection, is small on loopback, and another one each time.
var patient = drain.Options{Policy: drain.Fixed, MaxBytes: 1 << 20, MaxTime: time.Minute}

// everyPath takes each way out of the SDK's methods, the errors' above all.
func everyPath(t *testing.T, c *ownsdk.Client) {
	ctx := t.Context()
	if n, err := c.Get(ctx, "1"); err != nil || n.ID != "1" {
		t.Errorf("Get: note %q, error %v", n.ID, err)
	}
	if err := c.Put(ctx, ownsdk.Note{ID: "1", Text: "milk"}); err != nil {
		t.Error(err)
	}
	if ok, err := c.Exists(ctx, "1"); !ok || err != nil {
		t.Errorf("Exists: %v, %v", ok, err)
	}
	if ok, err := c.Exists(ctx, "missing"); ok || err != nil {
		t.Errorf("Exists of a missing note: %v, %v", ok, err)
	}
	var e *ownsdk.Error
	if _, err := c.Get(ctx, "missing"); !errors.As(err, &e) || e.StatusCode != 404 {
		t.Errorf("Get of a missing note: %v", err)
	}
	if _, err := c.Get(ctx, "broken"); err == nil {
		t.Error("Get of a broken note: no error")
	}
}

func TestNoPathLeaksABody(t *testing.T) {
	c := client(t, pooltest.AssertNoLeaks(t))
	everyPath(t, c)
}

func TestOneConnectionIsEnough(t *testing.T) {
	lost := func() []any {
		fails := &failures{TB: t}
		c := client(t, pooltest.AssertReused(fails, 1))
		for range 5 {
			everyPath(t, c)
		}
		fails.end()
		return fails.all
	}
	// Net/http does not keep a connection if it learns late that the request was written
	// (maxWriteWaitBeforeConnReuse, 50 ms): a busy machine has two tries.
	if first := lost(); len(first) > 0 {
		if again := lost(); len(again) > 0 {
			t.Errorf("connections were lost twice: %v, %v", first, again)
		}
	}
}

func TestAsManyConnectionsAsRequestsAtOnce(t *testing.T) {
	c := client(t, pooltest.AssertReused(t, 8))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { everyPath(t, c) })
	}
	all.Wait()
}

func TestTheProgramSetsLimitsAndShutsDown(t *testing.T) {
	srv := service(t)
	c, err := ownsdk.New(ownsdk.Options{
		BaseURL: srv.URL,
		Conns:   warmconn.Options{Pool: pool.Options{MaxPerHost: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	everyPath(t, c)
	if err := c.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(t.Context(), "1"); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("after Shutdown: %v", err)
	}
}

// That the tests above can fail: the same service, by a caller that has no drain.
func TestWithoutTheKitConnectionsAreLost(t *testing.T) {
	fails := &failures{TB: t}
	p := pooltest.AssertReused(fails, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1<<20)) // more than Go 1.27 drains by itself
	}))
	defer srv.Close()
	bare := roundtripper.Client(srv.Client(), p.Middleware)
	for range 3 {
		resp, err := bare.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	fails.end()
	// One place, and one reason: on Go 1.27 two, for net/http may still be draining a body.
	if n := len(fails.all); n < 1 || n > 2 {
		t.Errorf("failed %d times, want once for one place and reason: %v", n, fails.all)
	}
}

// failures is a test that may fail.
type failures struct {
	testing.TB
	cleanups []func()
	all      []any
}

func (f *failures) Helper()          {}
func (f *failures) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *failures) Error(args ...any) {
	f.all = append(f.all, args...)
}

func (f *failures) end() {
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
}
