package drain_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// late is a server whose bodies end when the test lets them.
type late struct {
	*testserver.Server
	tail chan struct{} // one for each body
	gone chan struct{} // one for each request whose client has gone
}

func newLate(t *testing.T) *late {
	l := &late{tail: make(chan struct{}), gone: make(chan struct{}, 100)}
	l.Server = testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/now" {
			io.WriteString(w, "now")
			return
		}
		io.WriteString(w, strings.Repeat("x", 5000))
		w.(http.Flusher).Flush()
		select {
		case <-l.tail:
			io.WriteString(w, "tail")
		case <-r.Context().Done():
			l.gone <- struct{}{}
		}
	}), testserver.Options{})
	t.Cleanup(l.Close)
	return l
}

// client is a stack with a drain in the background, a pool and an observer.
func (l *late) client(t *testing.T, o drain.Options, po pool.Options) (*http.Client, *drain.Drainer, *pool.Pool, chan roundtripper.Exchange) {
	ends := make(chan roundtripper.Exchange, 100)
	d, p := drain.New(o), pool.New(po)
	c := roundtripper.Client(&http.Client{Transport: l.Transport()},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends <- e }}),
		d.Middleware, p.Middleware)
	t.Cleanup(c.CloseIdleConnections)
	return c, d, p, ends
}

func get(t *testing.T, c *http.Client, url string) *http.Response {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

var inBackground = drain.Options{Policy: drain.Fixed, MaxTime: time.Minute, Background: 2}

func TestCloseReturnsBeforeTheDrainInTheBackground(t *testing.T) {
	l := newLate(t)
	c, _, p, ends := l.client(t, inBackground, pool.Options{})
	resp := get(t, c, l.URL)
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := resp.Body.Read(make([]byte, 1)); err != http.ErrBodyReadAfterClose {
		t.Errorf("Read after Close: %v", err)
	}
	if s := p.Stats(); s.InUse != 1 {
		t.Errorf("%d slots in use while a body is drained, want 1", s.InUse)
	}
	resp.Body.Close()
	l.tail <- struct{}{}
	if e := <-ends; e.Outcome != "drained" || !e.Background || !e.Returned || e.BytesDrained != 5004 {
		t.Errorf("%+v", e)
	}
	if s := p.Stats(); s.InUse != 0 {
		t.Errorf("%d slots in use afterwards, want none", s.InUse)
	}
	get(t, c, l.URL+"/now").Body.Close()
	if e := <-ends; !e.Reused {
		t.Errorf("the next request was new for %q", e.NewReason)
	}
}

// TestDrainInTheBackgroundOutlivesTheCallersContext: callers cancel the context once they
// have closed the body, and so does http.Client if it has a Timeout.
func TestDrainInTheBackgroundOutlivesTheCallersContext(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Minute} {
		for _, above := range []bool{false, true} { // foreign middleware, and a layer over that
			t.Run(fmt.Sprintf("timeout=%v/layers above=%v", timeout > 0, above), func(t *testing.T) {
				l := newLate(t)
				c, _, p, ends := l.client(t, inBackground, pool.Options{})
				if above {
					c = roundtripper.Client(c, roundtripper.Observe(roundtripper.Observer{}), func(next http.RoundTripper) http.RoundTripper {
						return roundtripper.Layer(next, nil)
					})
				}
				c.Timeout = timeout
				const n = 5
				for range n {
					ctx, cancel := context.WithCancel(t.Context())
					req, _ := http.NewRequestWithContext(ctx, "GET", l.URL, nil)
					resp, err := c.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					cancel()
					l.tail <- struct{}{}
					if e := <-ends; e.Outcome != "drained" || !e.Returned {
						t.Errorf("outcome %q, lost for %q; want drained and none", e.Outcome, e.LostReason)
					}
				}
				if s := p.Stats(); s.InUse != 0 || l.Opened() != 1 {
					t.Errorf("%d slots in use, %d connections opened; want 0 and 1", s.InUse, l.Opened())
				}
			})
		}
	}
}

// TestContextEndsWhileItIsTheCallers: before Close the context acts on the body, with its own
// cause.
func TestContextEndsWhileItIsTheCallers(t *testing.T) {
	why := errors.New("why")
	l := newLate(t)
	c, _, _, ends := l.client(t, inBackground, pool.Options{})
	for _, reading := range []bool{false, true} {
		ctx, cancel := context.WithCancelCause(t.Context())
		req, _ := http.NewRequestWithContext(ctx, "GET", l.URL, nil)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		cancel(why)
		if reading {
			if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, why) {
				t.Errorf("the Read returned %v, want the context's cause", err)
			}
		}
		resp.Body.Close()
		if e := <-ends; e.Outcome != "canceled" || e.LostReason != "canceled" {
			t.Errorf("reading %v: outcome %q, lost for %q; want canceled, canceled", reading, e.Outcome, e.LostReason)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", l.URL, nil)
	if _, err := c.Transport.RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
}

// TestOverflowIsClosed: bodies above the limit are not drained and lose their connections, and
// no request waits.
func TestOverflowIsClosed(t *testing.T) {
	l := newLate(t)
	c, _, _, ends := l.client(t, inBackground, pool.Options{})
	var open []*http.Response
	for range 3 {
		open = append(open, get(t, c, l.URL))
	}
	for _, resp := range open {
		resp.Body.Close()
	}
	if e := <-ends; e.Outcome != "skipped" || e.Skipped != "background_full" || e.LostReason != "body_unread" || e.Background {
		t.Errorf("%+v", e)
	}
	<-l.gone // or it would take a tail
	for range 2 {
		l.tail <- struct{}{}
	}
	for range 2 {
		if e := <-ends; e.Outcome != "drained" || !e.Returned {
			t.Errorf("%+v", e)
		}
	}
}

// TestRequestTakesWhatADrainBringsBack: a request takes a connection that is put back after a
// drain if that comes before its dial. To connect takes long on this network.
func TestRequestTakesWhatADrainBringsBack(t *testing.T) {
	for _, inTime := range []bool{true, false} {
		t.Run(fmt.Sprintf("in time=%v", inTime), func(t *testing.T) {
			t.Parallel()
			const connect = 200 * time.Millisecond
			l := newLate(t)
			base := l.Transport()
			var dials atomic.Int32
			over := make(chan struct{})
			defer close(over)
			base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				time.Sleep(connect)
				if dials.Add(1) > 1 && inTime {
					<-over // however long a busy machine takes for the drain
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			ends := make(chan roundtripper.Exchange, 100)
			c := roundtripper.Client(&http.Client{Transport: base},
				roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends <- e }}),
				drain.New(drain.Options{Background: 1}).Middleware, pool.New(pool.Options{}).Middleware)
			defer c.CloseIdleConnections()
			get(t, c, l.URL).Body.Close()

			asked := make(chan struct{})
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(string) { close(asked) }})
				req, _ := http.NewRequestWithContext(ctx, "GET", l.URL+"/now", nil)
				resp, err := c.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}()
			<-asked
			if inTime {
				l.tail <- struct{}{}
			}
			<-answered
			next := <-ends
			if next.Background {
				next = <-ends
			}
			switch {
			case inTime && (!next.Reused || l.Opened() != 1):
				t.Errorf("new for %q, %d connections; want the drained one", next.NewReason, l.Opened())
			case !inTime && (next.Reused || next.ConnWait < connect):
				t.Errorf("reused %v after %v; want a new connection, which had to wait", next.Reused, next.ConnWait)
			}
		})
	}
}

// TestDrainsInTheBackgroundEnd with the Drainer or the Pool, and not with
// CloseIdleConnections.
func TestDrainsInTheBackgroundEnd(t *testing.T) {
	for name, end := range map[string]func(*http.Client, *drain.Drainer, *pool.Pool){
		"Drainer.Close": func(_ *http.Client, d *drain.Drainer, _ *pool.Pool) { d.Close(); d.Close() },
		"Pool.Close":    func(_ *http.Client, _ *drain.Drainer, p *pool.Pool) { p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLate(t)
			c, d, p, ends := l.client(t, inBackground, pool.Options{})
			get(t, c, l.URL).Body.Close()
			c.CloseIdleConnections()
			select {
			case e := <-ends:
				t.Fatalf("CloseIdleConnections ended the drain: %+v", e)
			default:
			}
			end(c, d, p)
			if e := <-ends; e.Outcome != "timed_out" || e.LostReason != "body_unread" || e.Returned {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestManyDrainsInTheBackground is for the race detector: everything that may happen to a
// drain happens at once.
func TestManyDrainsInTheBackground(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 20000))
		if r.URL.Path == "/hang" {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}), testserver.Options{})
	defer srv.Close()
	l := &late{Server: srv}
	c, d, p, ends := l.client(t, drain.Options{Background: 4}, pool.Options{MaxPerHost: 16})
	const n = 400
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range n / 20 {
				path := "/"
				if (i+j)%5 == 0 {
					path = "/hang"
				}
				resp, err := c.Get(srv.URL + path)
				if err != nil {
					t.Error(err)
					return
				}
				go resp.Body.Close()
				resp.Body.Close()
			}
		})
	}
	seen := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ; seen < n; seen++ {
			<-ends
		}
	}()
	wg.Wait()
	<-done
	d.Close()
	if s := p.Stats(); s.InUse != 0 {
		t.Errorf("%d slots in use, want none", s.InUse)
	}
}
