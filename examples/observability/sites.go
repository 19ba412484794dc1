package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// The hosts, each with a server of its own on loopback. The first has no faults.
const (
	catalog = "catalog.test" // answers
	reports = "reports.test" // large answers
	search  = "search.test"  // slow answers, and a limit on its requests
	legacy  = "legacy.test"  // Connection: close
	orders  = "orders.test"  // closes idle connections, now sooner, now later
	stock   = "stock.test"   // closes idle connections after a time that can be learned
	far     = "far.test"     // behind a network that forgets connections
)

const (
	searchSlots = 2
	searchTakes = 20 * time.Millisecond
	ordersKeeps = 60 * time.Millisecond // about
	stockKeeps  = 100 * time.Millisecond
)

// sites are the servers.
type sites struct {
	of map[string]*testserver.Server

	mu      sync.Mutex
	farEnds []net.Conn // the server's ends of connections to far
}

func startSites() *sites {
	s := new(sites)
	page := bytes.Repeat([]byte("x"), 2<<10)
	report := bytes.Repeat([]byte("x"), 64<<10)
	answer := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write(page)
	}
	s.of = map[string]*testserver.Server{
		catalog: testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/endless" {
				for err := error(nil); err == nil && r.Context().Err() == nil; {
					_, err = w.Write(report)
				}
				return
			}
			answer(w, r)
		}), testserver.Options{}),
		reports: testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(report) }), testserver.Options{}),
		search: testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(searchTakes)
			answer(w, r)
		}), testserver.Options{}),
		legacy: testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			answer(w, r)
		}), testserver.Options{}),
		orders: testserver.New(http.HandlerFunc(answer), testserver.Options{
			Listener: unsteadyListener(),
			Config:   func(srv *http.Server) { srv.IdleTimeout = ordersKeeps },
		}),
		stock: testserver.New(http.HandlerFunc(answer), testserver.Options{Config: func(srv *http.Server) { srv.IdleTimeout = stockKeeps }}),
		far: testserver.New(http.HandlerFunc(answer), testserver.Options{Config: func(srv *http.Server) {
			srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.farEnds = append(s.farEnds, c)
				return ctx
			}
		}}),
	}
	return s
}

// transport has the names in place of a resolver.
func (s *sites) transport() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		name, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		srv := s.of[name]
		if srv == nil {
			return nil, errors.New("no such host")
		}
		return srv.Dial(ctx, network, srv.Addr)
	}}
}

// forget has the network forget the connections to far: nothing comes through any more,
// and neither side is told.
func (s *sites) forget() error {
	s.mu.Lock()
	ends := s.farEnds
	s.farEnds = nil
	s.mu.Unlock()
	var err error
	for _, c := range ends {
		if e := testserver.Swallow(c); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

func (s *sites) stop() {
	for _, srv := range s.of {
		srv.Close()
	}
}

// unsteady is a connection whose deadlines come sooner or later than they were set, up to
// twice as late: so the client can't learn the server's idle limit.
type unsteady struct{ net.Conn }

func (c unsteady) SetReadDeadline(t time.Time) error {
	if left := time.Until(t); left > 0 {
		t = t.Add(time.Duration((2*rand.Float64() - 1) * float64(left)))
	}
	return c.Conn.SetReadDeadline(t)
}

type unsteadyOnes struct{ net.Listener }

func (l unsteadyOnes) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return unsteady{c}, nil
}

// unsteadyListener listens on loopback. Where that fails it is nil, and the server has one
// of its own.
func unsteadyListener() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil
	}
	return unsteadyOnes{l}
}
