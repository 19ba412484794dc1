package connpool

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/testserver"
)

// rt is a RoundTripper right over a Pool: all it adds are the Ends of the exchanges.
type rt struct {
	p      *Pool
	policy Policy
}

type owner struct {
	ctx   context.Context
	whole bool // the response has come to its end
	got   []Got
}

func (o *owner) Culprit() loss.Culprit { return loss.Culprit{} }
func (o *owner) Interrupted() loss.Reason {
	if o.ctx.Err() != nil {
		return loss.Canceled
	}
	return loss.None
}
func (o *owner) Whole() bool                  { return o.whole }
func (o *owner) Acquired(g Got)               { o.got = append(o.got, g) }
func (o *owner) DialContext() context.Context { return o.ctx }

func (t rt) RoundTrip(req *http.Request) (*http.Response, error) {
	if !Takes(req) {
		return t.p.transport.RoundTrip(req)
	}
	o := &owner{ctx: req.Context()}
	e := &Entry{Policy: t.policy, Owner: o}
	e.Close = req.Close
	t.p.Enter(e, ledger.KeyOf(req.URL), nil)
	q := *req
	resp, err := e.RoundTrip(req.Context(), &q, nil)
	switch {
	case err != nil:
		e.End(loss.ConnError, false, time.Now())
		return nil, err
	case resp.StatusCode == http.StatusSwitchingProtocols:
		e.End(loss.Upgraded, false, time.Now())
	case resp.Body == http.NoBody:
		o.whole = true
		e.End(loss.None, false, time.Now())
	default:
		resp.Body = &endBody{ReadCloser: resp.Body, e: e, o: o}
	}
	return resp, nil
}

// endBody ends the exchange when the caller comes to an end of the body.
type endBody struct {
	io.ReadCloser
	e    *Entry
	o    *owner
	once sync.Once
}

func (b *endBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.o.whole = true
		b.end(loss.None, false)
	case err != nil:
		b.end(loss.ConnError, false)
	}
	return n, err
}

func (b *endBody) Close() error {
	err := b.ReadCloser.Close()
	b.end(loss.BodyUnread, true)
	return err
}

func (b *endBody) end(why loss.Reason, provisional bool) {
	b.once.Do(func() { b.e.End(why, provisional, time.Now()) })
}

// newPool returns a Pool over base. The test fails on an edge that is not in the table, and on
// a connection or a request that is left when it ends.
func newPool(t testing.TB, base *http.Transport, o Options, seen ...func(from, to state)) *Pool {
	clone := base.Clone()
	told := new(lives)
	if o.Life[Opened] == nil {
		o.Life = told.listener()
	}
	p := New(base, clone, ledger.New(base), o)
	p.onEdge = func(_ *Conn, from, to state) {
		if !edges[from][to] {
			t.Errorf("edge %v to %v is not in the table", from, to)
		}
		for _, f := range seen {
			f(from, to)
		}
	}
	p.onEntryEdge = func(from, to phase) {
		if !entryEdges[from][to] {
			t.Errorf("an exchange's edge %v to %v is not in the table", from, to)
		}
	}
	t.Cleanup(func() { settles(t, p); told.complete(t) })
	return p
}

// settles fails the test if the pool's books are not empty once it is shut down and
// the requests are over.
func settles(t testing.TB, p *Pool) {
	t.Helper()
	left := ""
	defer func() {
		if left != "" {
			t.Logf("after the end there is left: %s", left)
		}
	}()
	eventually.True(t, "the pool to have nothing", func() bool {
		p.Shutdown()
		left = remains(p)
		return left == ""
	})
}

func remains(p *Pool) (left string) {
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.inFlight != 0 || h.exempt != 0 || h.conns.open() != 0 || h.conns.by[dialing] != 0 || h.conns.multiplexed != 0 || h.conns.http2 != 0 {
			left += fmt.Sprintf("%s: %d in flight, %d exempt, connections %+v; ", h.name, h.inFlight, h.exempt, h.conns.by)
		}
		for _, rt := range h.allRoutes() {
			if n := rt.waiters.all.Len() + rt.waiters.undialed.Len() + len(rt.dials) + len(rt.idle) + len(rt.shared) + len(rt.drains); n != 0 || rt.unowned != 0 {
				left += fmt.Sprintf("%s by %q: %d waiters, %d without a dial, %d dials (%d unowned), %d idle, %d shared, %d drains; ", h.name, rt.proxy,
					rt.waiters.all.Len(), rt.waiters.undialed.Len(), len(rt.dials), rt.unowned, len(rt.idle), len(rt.shared), len(rt.drains))
			}
		}
	})
	return left
}

// count is the number of connections in a state, over all hosts.
func count(p *Pool, s state) (n int) {
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		n += h.conns.by[s]
	})
	return n
}

func waitCount(t testing.TB, p *Pool, s state, n int) {
	t.Helper()
	eventually.True(t, fmt.Sprintf("%d connections that are %v", n, s), func() bool { return count(p, s) == n })
}

// waits is the number of requests that wait for a connection.
func waits(p *Pool) (n int) {
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, rt := range h.allRoutes() {
			n += rt.waiters.all.Len()
		}
	})
	return n
}

func waitWaiting(t testing.TB, p *Pool, n int) {
	t.Helper()
	eventually.True(t, fmt.Sprintf("%d requests that wait", n), func() bool { return waits(p) == n })
}

// protocols are the protocols that a server may speak.
var protocols = []string{"http", "tls", "h2"}

// serve starts a server, and returns it with a transport that reaches it.
func serve(t testing.TB, protocol string, h http.HandlerFunc) (*testserver.Server, *http.Transport) {
	s := testserver.New(h, testserver.Options{TLS: protocol == "tls", HTTP2: protocol == "h2"})
	t.Cleanup(s.Close)
	base := s.Transport()
	t.Cleanup(base.CloseIdleConnections)
	return s, base
}

// bareAndPool runs f over bare net/http and over a Pool, each with a transport of its own that
// transport returns: both must pass.
func bareAndPool(t *testing.T, o Options, transport func() *http.Transport, f func(t *testing.T, r http.RoundTripper)) {
	t.Run("bare", func(t *testing.T) {
		base := transport()
		defer base.CloseIdleConnections()
		f(t, base)
	})
	t.Run("pool", func(t *testing.T) { f(t, rt{p: newPool(t, transport(), o)}) })
}

// lost is how many connections were lost for a reason, over all hosts.
func lost(p *Pool, why loss.Reason) (n uint64) {
	p.Counts(func(c ledger.Counts) {
		for _, l := range c.Lost {
			if l.Reason == why {
				n += l.N
			}
		}
	})
	return n
}

// fetch sends a GET and reads the response to the end.
func fetch(r http.RoundTripper, url string) (string, error) {
	resp, err := openGet(context.Background(), r, url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// openGet sends a GET and leaves the body unread.
func openGet(ctx context.Context, r http.RoundTripper, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	if c, ok := ctx.(withCancel); ok {
		//lint:ignore SA1019 who still sets it must find that it works
		req.Cancel = c.cancel
	}
	return r.RoundTrip(req)
}

func must(t testing.TB, r http.RoundTripper, url string) string {
	t.Helper()
	body, err := fetch(r, url)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// got are the facts that the exchange of a response was told of its connection.
func got(resp *http.Response) Got {
	all := resp.Body.(*endBody).o.got
	return all[len(all)-1]
}
