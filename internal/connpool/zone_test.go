package connpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/testserver"
)

// zone is the name service of these tests, and the network: all addresses are those of one
// server in memory.
type zone struct {
	mu     sync.Mutex
	addrs  []netip.Addr
	err    error
	asked  []string
	dialed []netip.Addr
	turn   int
	// remote is the RemoteAddr of a connection to an address; nil: the address itself.
	remote func(netip.Addr) net.Addr
}

func newZone(addrs ...string) *zone {
	z := new(zone)
	z.set(addrs...)
	return z
}

func (z *zone) set(addrs ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.addrs, z.err = nil, nil
	for _, a := range addrs {
		if a == "error" {
			z.err = errors.New("no such host")
		} else {
			z.addrs = append(z.addrs, netip.MustParseAddr(a))
		}
	}
}

func (z *zone) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, host)
	return slices.Clone(z.addrs), z.err
}

// lookups is how many there were since it was last called.
func (z *zone) lookups() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	n := len(z.asked)
	z.asked = nil
	return n
}

// to are the addresses of the connections that were dialed, in that order.
func (z *zone) to() string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return fmt.Sprint(z.dialed)
}

type connTo struct {
	net.Conn
	remote net.Addr
}

func (c connTo) RemoteAddr() net.Addr { return c.remote }

// over has base dial the addresses of the zone in turns.
func (z *zone) over(s *testserver.Server, base *http.Transport) {
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := s.Dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		z.mu.Lock()
		defer z.mu.Unlock()
		to := z.addrs[z.turn%len(z.addrs)]
		z.turn++
		z.dialed = append(z.dialed, to)
		var remote net.Addr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(to, 443))
		if z.remote != nil {
			remote = z.remote(to)
		}
		return connTo{c, remote}, nil
	}
}

const resolveEvery = 10 * time.Second

// resolved runs f in a bubble, over a Pool that looks names up in z every 10 s. The
// server holds the answer to /hold until it is told to go on.
func resolved(t *testing.T, protocol string, z *zone, o Options, f func(t *testing.T, p *Pool, url string, goOn chan bool)) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan bool)
		s := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			if r.URL.Path == "/hold" {
				<-goOn
			}
			io.WriteString(w, "hello")
		}), testserver.Options{Memory: true, TLS: protocol == "tls", HTTP2: protocol == "h2"})
		defer s.Close()
		base := s.Transport()
		z.over(s, base)
		if o.Resolve == 0 {
			o.Resolve = resolveEvery
		}
		if o.LookupNetIP == nil {
			o.LookupNetIP = z.lookup
		}
		p := newPool(t, base, o)
		defer settles(t, p)
		url := "http://example.com"
		if protocol != "http" {
			url = "https://example.com"
		}
		f(t, p, url, goOn)
	})
}

func rotates(p *Pool) (yes bool) {
	p.Counts(func(c ledger.Counts) { yes = yes || c.Rotates })
	return yes
}
