package pooltest_test

import (
	"fmt"
	"io"
	"net/http"
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

// fake is a test that notes its failures.
type fake struct {
	testing.TB // the real one, for all other methods
	cleanups   []func()
	failures   []string
}

func (f *fake) Helper()          {}
func (f *fake) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *fake) Error(args ...any) {
	f.failures = append(f.failures, fmt.Sprint(args...))
}

// end ends the test as the testing package does.
func (f *fake) end() []string {
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	return f.failures
}

// sdk is the SDK under test.
type sdk struct {
	client *http.Client
	url    string
	kept   []*http.Response
}

func (s *sdk) get() *http.Response {
	resp, err := s.client.Get(s.url)
	if err != nil {
		panic(err)
	}
	return resp
}

//go:noinline
func (s *sdk) Status() int { return s.get().StatusCode }

func (s *sdk) Keep() { s.kept = append(s.kept, s.get()) }

func (s *sdk) Read() {
	resp := s.get()
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
}

func (s *sdk) Close() {
	for _, resp := range s.kept {
		resp.Body.Close()
	}
	s.kept = nil
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.(http.Flusher).Flush() // chunked
	io.WriteString(w, "hello")
	w.(http.Flusher).Flush()
	if r.URL.Path == "/hang" {
		<-r.Context().Done()
	}
}

// underTest is an SDK over p and a server.
func underTest(t testing.TB, p *pool.Pool, h http.HandlerFunc) *sdk {
	return underTestAt(t, p, h, testserver.Options{})
}

func underTestAt(t testing.TB, p *pool.Pool, h http.HandlerFunc, o testserver.Options) *sdk {
	srv := testserver.New(h, o)
	t.Cleanup(srv.Close)
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	t.Cleanup(client.CloseIdleConnections) // and not by the collector, outside of a bubble
	return &sdk{client: client, url: srv.URL}
}

// waitDropped waits until the Pool knows of n bodies that were dropped, however long a busy machine
// takes to collect them: the check itself gives up after a second.
func waitDropped(t testing.TB, p *pool.Pool, n uint64) {
	t.Helper()
	eventually.Collected(t, "the dropped bodies to be found", func() bool { return p.Stats().Leaks >= n })
}

// want checks that there is one failure, whose text has all of the parts.
func want(t *testing.T, got []string, parts ...string) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("%d failures, want 1: %q", len(got), got)
	}
	for _, p := range parts {
		if !strings.Contains(got[0], p) {
			t.Errorf("failed with %q, want %q in it", got[0], p)
		}
	}
}

func TestPassesIfEveryBodyIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := underTestAt(t, pooltest.AssertNoLeaks(f), hello, testserver.Options{Memory: true})
		for range 10 {
			s.Read()
			s.Keep()
		}
		s.Close() // unread
		began := time.Now()
		if got := f.end(); len(got) != 0 {
			t.Errorf("failed: %q", got)
		}
		if d := time.Since(began); d > 100*time.Millisecond {
			t.Errorf("took %v to see that nothing is open", d)
		}
	})
}

func TestPassesWithoutARequest(t *testing.T) {
	f := &fake{TB: t}
	pooltest.AssertNoLeaks(f)
	if got := f.end(); len(got) != 0 {
		t.Errorf("failed: %q", got)
	}
}

func TestFailsForADroppedBody(t *testing.T) {
	f := &fake{TB: t}
	p := pooltest.AssertNoLeaks(f)
	s := underTest(t, p, hello)
	s.Read()
	s.Status()
	waitDropped(t, p, 1)
	want(t, f.end(), "a response body was dropped and never closed: GET "+s.url, "pooltest_test.go:", "pooltest_test.(*sdk).get")
}

// A loop that leaks must not hide other leaks.
func TestBodiesOfOnePlaceAreOneFailure(t *testing.T) {
	f := &fake{TB: t}
	p := pooltest.AssertNoLeaks(f)
	s := underTest(t, p, hello)
	const n = 50
	for range n {
		s.Status()
	}
	waitDropped(t, p, n)
	want(t, f.end(), fmt.Sprintf("%d times: a response body was dropped", n))
}

func TestFailsForABodyThatIsStillOpen(t *testing.T) {
	t.Parallel() // it takes a second to give up
	f := &fake{TB: t}
	s := underTest(t, pooltest.AssertNoLeaks(f), hello)
	s.Keep()
	want(t, f.end(), "a response body is still open: GET "+s.url, "pooltest_test.(*sdk).get")
	s.Close()
}

// The server may be closed before or after the check.
func TestServerMayBeClosedFirst(t *testing.T) {
	t.Parallel() // it takes a second to give up
	var both sync.WaitGroup
	defer both.Wait()
	for _, path := range []string{"/", "/hang"} {
		both.Go(func() {
			f := &fake{TB: t}
			p := pooltest.AssertNoLeaks(f)
			s := underTest(f, p, hello) // closed by f, before the check
			s.url += path
			s.Keep()
			s.Status()
			waitDropped(t, p, 1)
			if got := f.end(); len(got) != 2 {
				t.Errorf("%s: failed with %q, want one body dropped and one open", path, got)
			}
			s.Close()
		})
	}
}

func TestCleanupsThatCameLaterMayCloseBodies(t *testing.T) {
	f := &fake{TB: t}
	s := underTest(t, pooltest.AssertNoLeaks(f), hello)
	f.Cleanup(s.Close)
	s.Keep()
	if got := f.end(); len(got) != 0 {
		t.Errorf("failed: %q", got)
	}
}

func TestGoroutineThatIsAboutToCloseHasTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := stubbed(pooltest.AssertNoLeaks(f))
		s.Keep()
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(time.Second / 2)
			s.Close()
		})
		if got := f.end(); len(got) != 0 {
			t.Errorf("failed: %q", got)
		}
		wg.Wait()
	})
}

func TestOpenBodyInABubbleIsReportedAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		s := stubbed(pooltest.AssertNoLeaks(f))
		s.Keep()
		began := time.Now()
		got := f.end()
		want(t, got, "still open")
		if d := time.Since(began); d < time.Second || d > 2*time.Second {
			t.Errorf("waited for %v, want a second", d)
		}
		s.Close()
	})
}

// stubbed is an SDK over p whose server's bodies end when they are closed.
func stubbed(p *pool.Pool) *sdk {
	return &sdk{url: "http://api.example", client: &http.Client{Transport: p.Middleware(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		pr, _ := io.Pipe()
		return &http.Response{StatusCode: 200, Header: http.Header{}, ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1, Body: pr, Request: req}, nil
	}))}}
}

func TestFailsForARequestWithoutResponse(t *testing.T) {
	t.Parallel() // it takes a second to give up
	f := &fake{TB: t}
	release, arrived := make(chan struct{}), make(chan struct{})
	s := underTest(t, pooltest.AssertNoLeaks(f), func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Read()
	}()
	<-arrived
	want(t, f.end(), "a request still waits for its response: GET "+s.url)
	close(release)
	<-done
}

func TestFailsForATransportPerRequest(t *testing.T) {
	f := &fake{TB: t}
	p := pooltest.AssertNoLeaks(f)
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	for range 200 {
		s := &sdk{client: roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware), url: srv.URL}
		s.Read()
		if p.Stats().Requests%20 == 0 {
			collect()
		}
	}
	want(t, f.end(), "transports or more were made for a request or two each, by\n\t", "TestFailsForATransportPerRequest")
}

func TestCheckPoolFailsForAnSDKsOwnPool(t *testing.T) {
	t.Parallel() // it takes a second to give up
	var both sync.WaitGroup
	defer both.Wait()
	for _, o := range []pool.Options{{}, {AlwaysCaller: true}} {
		both.Go(func() {
			p := pool.New(o)
			s := underTest(t, p, hello)
			s.Read()
			s.Status()
			waitDropped(t, p, 1) // of another test
			f := &fake{TB: t}
			pooltest.CheckPool(f, p)
			s.Read()
			if got := f.end(); len(got) != 0 {
				t.Errorf("failed for leaks before the call: %q", got)
			}
			f = &fake{TB: t}
			pooltest.CheckPool(f, p)
			s.Status()
			s.Keep()
			waitDropped(t, p, 2)
			got := f.end()
			all := strings.Join(got, "\n")
			if len(got) != 2 || !strings.Contains(all, dropped+s.url) || !strings.Contains(all, "still open: ") {
				t.Errorf("failed with %q, want one body dropped and one open", got)
			}
			if has := strings.Contains(all, "GET"); has != o.AlwaysCaller {
				t.Errorf("AlwaysCaller %v: failed with %q", o.AlwaysCaller, got)
			}
			s.Close()
			p.Close()
		})
	}
}

func TestCheckPoolForgivesWhatWasBeforeThoughItsHostIsForgotten(t *testing.T) {
	p := pool.New(pool.Options{})
	s := stubbed(p)
	s.Status()
	eventually.True(t, "the leak of another test to be found", func() bool {
		collect()
		return p.Stats().Leaks == 1
	})
	f := &fake{TB: t}
	pooltest.CheckPool(f, p)
	rt := p.Middleware(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Body: http.NoBody, Request: req}, nil
	}))
	for i := range 20_000 {
		if _, err := (&http.Client{Transport: rt}).Get(fmt.Sprintf("http://host%d.example/", i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.end(); len(got) != 0 {
		t.Errorf("failed: %q", got)
	}
}

const dropped = "a response body was dropped and never closed: "

// With a real testing.T: subtests, some parallel, that leak nothing.
func TestParallelSubtests(t *testing.T) {
	p := pooltest.AssertNoLeaks(t)
	s := underTest(t, p, hello)
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			own := underTest(t, pooltest.AssertNoLeaks(t), hello)
			for range 10 {
				s.Read()
				own.Read()
			}
		})
	}
}
