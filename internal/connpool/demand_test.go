package connpool

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// closer is a TLS server that ends each connection after some requests, behind a
// dialer that takes its time.
type closer struct {
	*httptest.Server
	pool  *Pool
	dials atomic.Int32
	after atomic.Int32  // how many requests it serves on each; 0: it ends none
	held  chan struct{} // if not nil, a response waits for it
}

type servedKey struct{}

func newCloser(t *testing.T, after int32) *closer {
	c := new(closer)
	c.after.Store(after)
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := r.Context().Value(servedKey{}).(*atomic.Int32).Add(1); c.after.Load() > 0 && n >= c.after.Load() {
			w.Header().Set("Connection", "close")
		}
		if c.held != nil {
			<-c.held
		}
		io.WriteString(w, "hello")
	}))
	c.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, servedKey{}, new(atomic.Int32))
	}
	var trusts *tls.Config
	c.TLS, trusts = newTLS(t)
	c.StartTLS()
	base := &http.Transport{TLSClientConfig: trusts}
	base.ForceAttemptHTTP2 = false
	base.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c.dials.Add(1)
		time.Sleep(5 * time.Millisecond) // so that a connection is dear
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	c.pool = New(base, base.Clone(), ledger.New(base), Options{})
	t.Cleanup(func() {
		c.pool.Shutdown()
		c.CloseClientConnections()
		c.Close()
	})
	return c
}

// client is the Owner of an exchange over a Pool, like a stack.Exchange.
type client struct{ got []Got }

func (*client) Culprit() loss.Culprit        { return loss.Culprit{} }
func (*client) Interrupted() loss.Reason     { return loss.None }
func (*client) Whole() bool                  { return true }
func (c *client) Acquired(g Got)             { c.got = append(c.got, g) }
func (*client) DialContext() context.Context { return context.Background() }

// exchange sends a GET, and returns the facts of the connections that it was given. Unread: it
// closes the body without reading it.
func exchange(t *testing.T, p *Pool, url string, policy Policy, unread bool) []Got {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Error(err)
		return nil
	}
	c := new(client)
	e := &Entry{Owner: c, Policy: policy}
	p.Enter(e, ledger.KeyOf(req.URL), nil)
	resp, err := e.RoundTrip(context.Background(), req, nil)
	if err != nil {
		t.Error(err)
		e.End(loss.ConnError, false, time.Now())
		return nil
	}
	if resp.Close {
		e.Announced()
	}
	why := loss.None
	if unread {
		why = loss.BodyUnread
	} else {
		io.Copy(io.Discard, resp.Body)
	}
	resp.Body.Close()
	if resp.Close {
		why = loss.ServerClose
	}
	e.End(why, false, time.Now())
	return c.got
}

// host is the Pool's only one, locked while f runs.
func (c *closer) host(f func(*Host)) {
	c.pool.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		f(h)
	})
}

// awaitSuccessor waits until a connection is idle that no request has had yet.
func (c *closer) awaitSuccessor(t *testing.T) {
	t.Helper()
	eventually.True(t, "the successor of a connection that is lost", func() (ready bool) {
		c.host(func(h *Host) { ready = slices.ContainsFunc(h.direct.idle, func(x *Conn) bool { return x.uses == 0 }) })
		return ready
	})
}

func TestSuccessorIsReadyWhereConnectionsAreShortLivedAndDear(t *testing.T) {
	c := newCloser(t, 2)
	const pairs = 20
	for i := range pairs {
		for j := range 2 {
			got := exchange(t, c.pool, c.URL, Policy{}, false)
			if t.Failed() {
				return
			}
			// The losses suffice to show the need: from the next one on there is a stock.
			if i > evidence && j == 0 && (got[0].Wait != 0 || got[0].Reason != loss.ServerClose) {
				t.Errorf("pair %d: waited %v for a connection that is new for %q; want one that was made ahead, for %q", i, got[0].Wait, got[0].Reason, loss.ServerClose)
			}
		}
		if i >= evidence {
			c.awaitSuccessor(t)
		}
	}
	// One is ready, and no more than for a loss or two during a dial.
	if n := c.dials.Load(); n < pairs || n > pairs+3 {
		t.Errorf("%d dials for %d connections that were needed", n, pairs)
	}
}

// TestAFewLossesMakeNoStock: a client that comes and goes has nothing dialed for it.
func TestAFewLossesMakeNoStock(t *testing.T) {
	c := newCloser(t, 2)
	for range 2 * (evidence - 1) {
		exchange(t, c.pool, c.URL, Policy{}, false)
	}
	if n := c.dials.Load(); n != evidence-1 {
		t.Errorf("%d dials for %d connections that were needed", n, evidence-1)
	}
}

func TestBurstsHaveFewConnectionsMadeAhead(t *testing.T) {
	c := newCloser(t, 1)
	const bursts, size = 3, 20
	for range bursts {
		c.held = make(chan struct{})
		var wg sync.WaitGroup
		for range size {
			wg.Go(func() { exchange(t, c.pool, c.URL, Policy{}, false) })
		}
		eventually.True(t, "all to be there", func() (all bool) {
			c.host(func(h *Host) { all = h.conns.by[active] == size })
			return all
		})
		close(c.held)
		wg.Wait()
		c.pool.CloseIdleConnections() // closes the ones that no request used
	}
	if n := c.dials.Load(); n > bursts*size+2*firstCredit {
		t.Errorf("%d dials for %d connections that were needed", n, bursts*size)
	}
}

func TestLossesOfTheClientsOwnMakeNoStock(t *testing.T) {
	c := newCloser(t, 0)
	for range 10 {
		exchange(t, c.pool, c.URL, Policy{}, true)
	}
	c.host(func(h *Host) {
		if s := h.demand.stock; s.losses != 0 || s.ahead != 0 {
			t.Errorf("%+v; the server has ended none", s)
		}
	})
	if n := c.dials.Load(); n > 10 { // on Go 1.27 net/http drains, and there are fewer
		t.Errorf("%d dials for 10 connections that were needed", n)
	}
}

func TestStockKeepsTheLimit(t *testing.T) {
	c := newCloser(t, 2)
	c.pool.onEdge = func(x *Conn, _, to state) {
		// Before the edge is taken, and under the host's lock.
		if n := x.host.conns.open() + x.host.conns.by[dialing]; n > 1 {
			t.Errorf("%d connections on the way to %v, want 1 at most", n, to)
		}
	}
	for range 20 {
		exchange(t, c.pool, c.URL, Policy{MaxConns: 1}, false)
	}
}

func TestCreditOfAStockComesBackSlowly(t *testing.T) {
	s := stock{credit: firstCredit}
	for range firstCredit {
		if !s.creditLocked() {
			t.Fatal("no credit to begin with")
		}
		s.ahead++
	}
	if s.creditLocked() {
		t.Fatalf("more ahead than %d", firstCredit)
	}
	for range firstCredit { // no request used them
		s.movedLocked(&Conn{ahead: true}, closed)
	}
	refused := 0
	for ; !s.creditLocked(); refused++ {
		if refused > creditAgain {
			t.Fatal("no credit any more")
		}
	}
	if refused != creditAgain-1 || s.ahead != 0 {
		t.Errorf("credit again after %d losses, %d ahead; want %d and none", refused+1, s.ahead, creditAgain)
	}
	s.ahead++
	s.movedLocked(&Conn{ahead: true, uses: 1}, active)
	if s.credit != 2 {
		t.Errorf("a credit of %d when one was used, want 2", s.credit)
	}
}

// TestASuccessorIsDialedAsALastRequestBegins where the server has ended its connections
// after as many requests: the dial takes the time of that request, and not of the next.
func TestASuccessorIsDialedAsALastRequestBegins(t *testing.T) {
	c := newCloser(t, 2)
	pair := func() {
		for range 2 {
			exchange(t, c.pool, c.URL, Policy{}, false)
		}
	}
	for i := range evidence + 2 {
		pair()
		if i >= evidence { // the losses suffice to show the need
			c.awaitSuccessor(t)
		}
	}
	exchange(t, c.pool, c.URL, Policy{}, false)
	before := c.dials.Load()
	c.held = make(chan struct{})
	letGo := sync.OnceFunc(func() { close(c.held) })
	t.Cleanup(letGo) // before the server's end, which waits for it
	last := make(chan []Got)
	go func() { last <- exchange(t, c.pool, c.URL, Policy{}, false) }()
	eventually.True(t, "the successor to be dialed while the last request is served", func() bool { return c.dials.Load() == before+1 })
	letGo()
	<-last
	if got := exchange(t, c.pool, c.URL, Policy{}, false); got[0].Reason != loss.ServerClose {
		t.Errorf("the successor is new for %q, want %q", got[0].Reason, loss.ServerClose)
	}
	// The server no longer ends connections after that many requests.
	c.after.Store(0)
	exchange(t, c.pool, c.URL, Policy{}, false)
	before = c.dials.Load()
	for range 20 {
		exchange(t, c.pool, c.URL, Policy{}, false)
	}
	if n := c.dials.Load() - before; n > 1 {
		t.Errorf("%d dials behind a server that ends no connection any more, want one at most", n)
	}
}
