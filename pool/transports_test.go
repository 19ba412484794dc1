package pool_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A dial that hangs must fail its own request only.
func TestHungDialDoesNotHoldOthersUp(t *testing.T) {
	synctest.Test(t, hungDial)
}

func hungDial(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true})
	defer srv.Close()
	for _, limit := range []int{0, 1} {
		var dials atomic.Int32
		release := make(chan struct{})
		base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				<-release
				return nil, errors.New("hung")
			}
			return srv.Dial(ctx, network, addr)
		}}
		p := pool.New(pool.Options{MaxPerHost: limit})
		client := roundtripper.Client(&http.Client{Transport: base, Timeout: 300 * time.Millisecond}, p.Middleware)
		if err := get(client, srv.URL); err == nil {
			t.Fatal("the request with the hung dial came through")
		}
		for range 5 {
			// This dialer does not heed its context. Under a limit its dial counts until it
			// returns; without one other requests dial past it.
			if err := get(client, srv.URL); (err == nil) != (limit == 0) {
				t.Errorf("limit %d: %v", limit, err)
			}
		}
		close(release)
		for deadline := time.Now().Add(10 * time.Second); limit > 0; {
			if get(client, srv.URL) == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the dial has ended, and no request comes through")
			}
		}
		client.CloseIdleConnections() // see inBubble
		p.Close()
	}
}

func TestWhatMustNotBeCloned(t *testing.T) {
	registered := &http.Transport{}
	registered.RegisterProtocol("unix", roundtripper.Func(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	}))
	foreign := &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{
		"h2": func(string, *tls.Conn) http.RoundTripper { return nil },
	}}
	https := &http.Transport{}
	https.RegisterProtocol("https", roundtripper.Func(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	}))
	for name, base := range map[string]*http.Transport{
		"registered protocol": registered, "https of its own": https, "another HTTP/2": foreign,
		"facade": roundtripper.Facade(stub.Transport{}),
	} {
		why := map[string]string{
			"registered protocol": `the scheme "unix" is registered on the transport`,
			"https of its own":    "https is somebody else's on the transport, a roundtripper.Func",
			"another HTTP/2":      "the transport has protocols of its own in TLSNextProto",
			"facade":              "the transport is a Facade of another stack",
		}[name]
		t.Run(name, func(t *testing.T) {
			p := pool.New(pool.Options{})
			rt := p.Middleware(base)
			if got := roundtripper.Unwrap(rt); got != http.RoundTripper(base) {
				t.Errorf("the pool stands on %p, want the transport itself", got)
			}
			if d := roundtripper.Describe(rt); !strings.HasPrefix(d, "pool: no limit; only counts requests: "+why+"\n") {
				t.Errorf("Describe says\n%s", d)
			}
			if got := p.Transport(base); got != base {
				t.Error("Transport returned a clone")
			}
			if name == "another HTTP/2" {
				return
			}
			url := map[string]string{"registered protocol": "unix://socket/"}[name]
			req, _ := http.NewRequest("GET", cmp.Or(url, "https://host.example/"), nil)
			if err := stub.Do(rt, req); err != nil {
				t.Error(err)
			}
			if s := p.Stats(); len(s.Hosts) != 1 || s.Hosts[0].Watched || s.Requests != 1 {
				t.Errorf("stats %+v, want one request and nothing owned", s)
			}
		})
	}
}

// The program's own TLS dialer makes the connections, and the Pool owns them all the same.
func TestOwnTLSDialerIsKept(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true})
	defer srv.Close()
	var dials atomic.Int32
	var conns counted
	base := &http.Transport{DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		nc, err := conns.dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		cfg := srv.ClientTLS()
		cfg.ServerName = "127.0.0.1"
		return tls.Client(nc, cfg), nil
	}}
	p := pool.New(pool.Options{MaxPerHost: 4})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
	defer client.CloseIdleConnections() // when they were looked at, and not by the collector before
	load(t, client, srv.URL, 20, 20)
	if n := conns.most.Load(); n == 0 || n > 4 {
		t.Errorf("%d connections at once by the base's own dialer, want 1 to 4; lost %v", n, p.Stats().Lost)
	}
	if s := p.Stats(); len(s.Hosts) != 1 || !s.Hosts[0].Watched || s.Opened != uint64(dials.Load()) {
		t.Errorf("stats %+v, want one host, its %d connections known", s, dials.Load())
	}
}

func TestStatsAgreeWithTheServer(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/close" {
			w.Header().Set("Connection", "close")
		}
		hello(w, r)
	}), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	defer client.CloseIdleConnections()
	load(t, client, srv.URL, 10, 20)
	load(t, client, srv.URL+"/close", 10, 20)
	load(t, client, srv.URL, 10, 20)
	eventually.True(t, "the counts to agree", func() bool {
		s := p.Stats().Hosts[0]
		return s.Open == srv.Open() && int(s.Opened) == srv.Opened() && s.Opened-s.Closed == uint64(s.Open) && s.Idle == s.Open
	})
}
