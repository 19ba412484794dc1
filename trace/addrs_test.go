package trace_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// plainConn has what net/http needs of a connection over HTTP/1, and panics when it is asked
// for more: for its addresses.
type plainConn struct {
	net.Conn // nil
	nc       net.Conn
}

func (c plainConn) Read(p []byte) (int, error)  { return c.nc.Read(p) }
func (c plainConn) Write(p []byte) (int, error) { return c.nc.Write(p) }
func (c plainConn) Close() error                { return c.nc.Close() }

// noAddrConn says that it has none.
type noAddrConn struct{ plainConn }

func (noAddrConn) LocalAddr() net.Addr  { return nil }
func (noAddrConn) RemoteAddr() net.Addr { return nil }

// oddAddrConn has addresses that panic.
type oddAddrConn struct{ plainConn }

func (oddAddrConn) LocalAddr() net.Addr  { return (*oddAddr)(nil) }
func (oddAddrConn) RemoteAddr() net.Addr { return (*oddAddr)(nil) }

type oddAddr struct{ name string }

func (a *oddAddr) Network() string { return a.name }
func (a *oddAddr) String() string  { return a.name }

// The program's dialer may return a connection of any kind, and net/http does not ask it for
// its addresses. That a layer does must not be the reason that a request fails.
func TestAConnectionWithoutAddressesServesRequests(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	conns := map[string]func(plainConn) net.Conn{
		"panics":    func(c plainConn) net.Conn { return c },
		"none":      func(c plainConn) net.Conn { return noAddrConn{c} },
		"odd texts": func(c plainConn) net.Conn { return oddAddrConn{c} },
	}
	for name, over := range conns {
		for _, phases := range []trace.Phases{trace.PhasesOff, trace.PhaseEvents, trace.PhaseSpans} {
			for _, pooled := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s phases=%v pool=%v", name, phases, pooled), func(t *testing.T) {
					tracer := trace.New(trace.Options{
						TracerProvider: sdktrace.NewTracerProvider(),
						MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
						PeerAddress:    true, Phases: phases, ConnectionSpans: true,
					})
					p := pool.New(pool.Options{Resolve: time.Hour, LookupNetIP: func(context.Context, string) ([]netip.Addr, error) {
						return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
					}})
					defer p.Close()
					var told []roundtripper.Exchange
					tell := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { told = append(told, e) }})
					mw := []roundtripper.Middleware{tell, tracer.Middleware}
					if pooled {
						mw = append(mw, p.Middleware)
					}
					client := roundtripper.Client(&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
						nc, err := srv.Dial(ctx, "tcp", srv.Addr)
						return over(plainConn{nc: nc}), err
					}}}, mw...)
					defer client.CloseIdleConnections()
					for range 2 {
						if err := do(client, within(t, 5*time.Second, strings.Replace(srv.URL, "127.0.0.1", "localhost", 1))); err != nil {
							t.Fatal(err)
						}
					}
					if len(told) != 2 || !told[1].Reused {
						t.Errorf("told of %+v, want two exchanges of one connection", told)
					}
					if n := len(p.Conns()); pooled && n != 1 {
						t.Errorf("the pool tells of %d connections, want 1", n)
					}
				})
			}
		}
	}
}
