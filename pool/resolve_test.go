package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// place is a server at an address of loopback that counts its requests and connections.
type place struct {
	*testserver.Server
	addr     netip.AddrPort
	requests atomic.Int32
}

// closed is how many of its connections have ended.
func (pl *place) closed() int32 { return int32(pl.Opened() - pl.Open()) }

func newPlace(t *testing.T, ip string, o testserver.Options) *place {
	pl := new(place)
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("SKIPPED: there is no %s to listen on: %v", ip, err)
	}
	pl.addr = netip.MustParseAddrPort(l.Addr().String())
	o.Listener = l
	pl.Server = testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pl.requests.Add(1)
		echo(w, r)
	}), o)
	t.Cleanup(pl.Close)
	return pl
}

// names are the addresses of a name, and a dialer that takes them in turns.
type names struct {
	now     atomic.Pointer[[]netip.AddrPort]
	turn    atomic.Uint32
	lookups atomic.Int32
}

func (n *names) point(to ...*place) {
	var all []netip.AddrPort
	for _, pl := range to {
		all = append(all, pl.addr)
	}
	n.now.Store(&all)
	n.lookups.Store(0)
}

func (n *names) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	all := *n.now.Load()
	i := int(n.turn.Add(1)-1) % len(all)
	return new(net.Dialer).DialContext(ctx, network, all[i].String())
}

func (n *names) lookup(context.Context, string) (all []netip.Addr, err error) {
	for _, a := range *n.now.Load() {
		all = append(all, netip.AddrFrom16(a.Addr().As16())) // as package net may give it
	}
	n.lookups.Add(1)
	return all, nil
}

// Under load a name leaves one of its addresses, whose server goes on. With Resolve the requests
// leave that server, too; connections to the other address stay; and no request fails, though
// net/http could not send one in two of them again.
func TestRequestsFollowANameThatMoves(t *testing.T) {
	t.Parallel()
	const workers = 8
	requests := fullsize.Of(4000, 112)
	for _, proto := range overProtocols {
		for _, every := range []time.Duration{0, 10 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s/every=%v", proto.name, every), func(t *testing.T) {
				old, stays, comes := newPlace(t, "127.0.0.1", proto.opts), newPlace(t, "127.0.0.2", proto.opts), newPlace(t, "127.0.0.3", proto.opts)
				var name names
				name.point(old, stays)
				base := &http.Transport{DialContext: name.dial, ForceAttemptHTTP2: true}
				url := "http://example.com"
				if proto.opts.TLS || proto.opts.HTTP2 {
					url = "https://example.com"
					base.TLSClientConfig = old.ClientTLS() // trusts them all
				}
				p := pool.New(pool.Options{Resolve: every, LookupNetIP: name.lookup, MaxIdlePerHost: 100}) // none is closed for being too many
				defer p.Close()
				client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
				send := func(n int) {
					var wg sync.WaitGroup
					for range workers {
						wg.Go(func() {
							for range n / 2 / workers {
								if err := errors.Join(post(client, url, rand.IntN(1000)), get(client, url)); err != nil {
									t.Error(err)
									return
								}
							}
						})
					}
					wg.Wait()
				}
				if err := get(client, url); err != nil { // over HTTP/2 it shows that one connection is enough
					t.Fatal(err)
				}
				send(requests)
				if every > 0 { // the answers must have had the address
					eventually.True(t, "a lookup", func() bool { return name.lookups.Load() > 0 })
				}
				had := int32(0) // as the Pool counts them: the server may not have accepted all yet
				eventually.True(t, "all dials to end", func() bool {
					had = 0
					for _, c := range p.Conns() {
						if c.State == "dialing" {
							return false
						}
						if c.RemoteAddr.String() == old.Addr {
							had++
						}
					}
					return true
				})
				name.point(stays, comes)
				moved, was := time.Now(), old.requests.Load()
				took := "never"
				if every > 0 {
					eventually.True(t, "the old address to be left", func() bool {
						send(workers * 4)
						return old.Open() == 0
					})
					took = fmt.Sprintf("%v and %d answers", time.Since(moved).Round(time.Millisecond), name.lookups.Load())
				} else {
					send(requests)
				}
				between := old.requests.Load() - was
				was = old.requests.Load()
				send(requests)
				reached := old.requests.Load() - was
				lost := p.Stats().Lost
				t.Logf("the old address had %d connections; left after: %s, and %d more requests; then it got %d of %d; lost by reason: %v", had, took, between, reached, requests, lost)
				gone, others := int32(lost[roundtripper.ReasonAddressGone]), int32(0)
				for why, n := range lost {
					if why != roundtripper.ReasonAddressGone {
						others += int32(n) // on a busy machine: dialed and not used, early_response
					}
				}
				switch {
				case every == 0:
					if reached < int32(requests)/10 || gone > 0 {
						t.Errorf("without the option the old address gets %d of %d requests, want many", reached, requests)
					}
				case reached > 0:
					t.Errorf("the old address gets %d requests when its connections are gone", reached)
				case gone == 0 || gone > had || gone+others < had:
					t.Errorf("%d connections retired, want the %d to the old address", gone, had)
				case stays.closed() > others:
					t.Errorf("%d connections are closed to an address that stays", stays.closed())
				}
				runtime.KeepAlive(client)
			})
		}
	}
}

// Each answer for the name gives another address.
func TestStatsSayThatAnswersRotate(t *testing.T) {
	t.Parallel()
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	var n atomic.Uint32
	p := pool.New(pool.Options{Resolve: time.Millisecond, LookupNetIP: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1 + byte(n.Add(1)-1)%2})}, nil
	}})
	defer p.Close()
	base := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return srv.Dial(ctx, network, srv.Addr)
	}}
	client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
	if err := get(client, "http://example.com"); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "Stats to say so", func() bool { return p.Stats().Hosts[0].Rotates })
	eventually.True(t, "more answers", func() bool { return n.Load() > 20 })
	if lost := p.Stats().Lost; len(lost) > 0 {
		t.Errorf("lost: %v", lost)
	}
	runtime.KeepAlive(client) // or its connection is closed
}

func TestDescribeSaysThatNamesAreLookedUp(t *testing.T) {
	p := pool.New(pool.Options{Resolve: 30 * time.Second})
	defer p.Close()
	if got := roundtripper.Describe(p.Middleware(&http.Transport{})); !strings.Contains(got, "looks names up again every 30s") {
		t.Errorf("got %q", got)
	}
}
