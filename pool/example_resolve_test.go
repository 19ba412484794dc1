package pool_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The dialer has a resolver of its own, and the Pool looks names up by the same one.
func ExampleOptions_resolve() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	resolver := &net.Resolver{PreferGo: true}
	dialer := &net.Dialer{Resolver: resolver}
	p := pool.New(pool.Options{
		Resolve: 30 * time.Second,
		LookupNetIP: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return resolver.LookupNetIP(ctx, "ip", host)
		},
	})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}, p.Middleware)
	defer client.CloseIdleConnections()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	resp, err := client.Get("http://localhost:" + port)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	for _, h := range p.Stats().Hosts {
		fmt.Println("connections:", h.Open, "the answers rotate:", h.Rotates)
	}
	// Output: connections: 1 the answers rotate: false
}

// A name gets another address. When three lookups have not returned the old one, the connection
// to it is retired, and the next one goes where the dialer goes then.
func ExampleOptions_addressGone() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	var lookups, conns atomic.Int32
	p := pool.New(pool.Options{
		Resolve: time.Millisecond, // 30 s, if this were no example
		LookupNetIP: func(context.Context, string) ([]netip.Addr, error) {
			if lookups.Add(1) == 1 {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil // as the dialer's
			}
			return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
		},
	})
	defer p.Close()
	base := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
	}}
	client := roundtripper.Client(&http.Client{Transport: base},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			if !e.Reused && conns.Add(1) <= 2 {
				fmt.Printf("new because: %q\n", e.NewReason)
			}
		}}),
		p.Middleware)
	for conns.Load() < 2 {
		resp, err := client.Get("http://api.example.com")
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	// Output:
	// new because: "first"
	// new because: "address_gone"
}
