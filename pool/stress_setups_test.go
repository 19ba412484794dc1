package pool_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// stressFaults returns the servers' faults. Times are of the order of the plan's pauses.
func stressFaults() []badserver.Fault {
	const ms = time.Millisecond
	return []badserver.Fault{
		badserver.Good(badserver.Plain),
		badserver.Good(badserver.HTTP2),
		badserver.IdleClose(badserver.Plain, 4*ms),
		badserver.IdleClose(badserver.TLS, 4*ms),
		badserver.IdleClose(badserver.HTTP2, 2*ms),
		badserver.Reset(badserver.Plain, 10),
		badserver.Reset(badserver.TLS, 10),
		badserver.Reset(badserver.HTTP2, 30),
		badserver.CloseAfter(badserver.Plain, 5, true),
		badserver.CloseAfter(badserver.Plain, 5, false),
		badserver.CloseAfter(badserver.TLS, 5, false),
		badserver.GoAway(20),
		badserver.OneStream(),
		badserver.IdleTimeout(2 * ms),
		badserver.Early(badserver.Plain, true),
		badserver.Early(badserver.Plain, false),
		badserver.Early(badserver.HTTP2, true),
		badserver.Truncate(badserver.Plain, 10),
		badserver.Truncate(badserver.HTTP2, 10),
		badserver.Slow(badserver.Plain, 25*ms),
		badserver.Slow(badserver.HTTP2, 25*ms),
	}
}

// setUp is a way to send requests.
type setUp struct {
	name string
	wrap func(base http.RoundTripper, p *pool.Pool) http.RoundTripper // nil: bare net/http
	opts pool.Options
	// anew says that each request has a new connection.
	anew bool
	// renews says that connections are replaced before they are lost. So more requests
	// have a new one than with bare net/http, and net/http does not send a request
	// again that fails on a new one. The share of failures must be between those of
	// bare net/http with connections kept and not kept.
	renews bool
	// waits says that requests wait for one another by the options, and so meet
	// their deadlines more often than bare's: these are not compared. Dials that
	// no request waits for any more are broken off.
	waits bool
}

func stressSetUps() []setUp {
	alone := func(base http.RoundTripper, p *pool.Pool) http.RoundTripper {
		return roundtripper.Wrap(base, p.Middleware)
	}
	drained := func(base http.RoundTripper, p *pool.Pool) http.RoundTripper {
		return roundtripper.Wrap(base, drain.New(drain.Options{}).Middleware, p.Middleware)
	}
	return []setUp{
		{name: "bare"},
		{name: "bare again"},
		{name: "bare anew", anew: true},
		{name: "pool", wrap: alone},
		{name: "drain+pool", wrap: drained},
		{name: "age 10 ms", wrap: alone, opts: pool.Options{MaxConnAge: 10 * time.Millisecond}, renews: true},
		{name: "3 requests", wrap: alone, opts: pool.Options{MaxConnRequests: 3}, renews: true},
		{name: "4 per host", wrap: alone, opts: pool.Options{MaxPerHost: 4}, waits: true},
	}
}

// client is a set-up with a server of its own.
type client struct {
	setUp
	sender
	server    *badserver.Server
	transport *http.Transport
	pool      *pool.Pool // nil: bare
}

func newClient(t *testing.T, u setUp, f badserver.Fault) *client {
	t.Helper()
	s, err := badserver.Start(f, stressSeed)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{setUp: u, server: s, transport: s.Transport(2 * stressWorkers())}
	c.transport.DisableKeepAlives = u.anew
	var rt http.RoundTripper = c.transport
	if u.wrap != nil {
		c.pool = pool.New(u.opts)
		rt = u.wrap(rt, c.pool)
	}
	c.sender.url, c.sender.client = s.URL, &http.Client{Transport: rt}
	return c
}
