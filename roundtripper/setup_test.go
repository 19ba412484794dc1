package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// TestSetupIsToldOnceByWhoPaid: the times of a connection's setup are on the exchange that
// waited for it, and on no other.
func TestSetupIsToldOnceByWhoPaid(t *testing.T) {
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		for _, pooled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v/pool=%v", o, pooled), func(t *testing.T) {
				const slow = 2 * time.Millisecond
				s := newScene(t, o, func(tr *http.Transport) {
					var d net.Dialer
					tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
						time.Sleep(slow) // not seen by net.Dialer's hooks
						return d.DialContext(ctx, network, addr)
					}
					if tr.TLSClientConfig != nil {
						tr.TLSClientConfig.ServerName = "example.com"
					}
				}, pooled)
				_, port, _ := net.SplitHostPort(s.srv.Addr)
				s.srv.URL = strings.Replace(s.srv.URL, s.srv.Addr, "localhost:"+port, 1)

				var dns atomic.Int32 // the caller's own hooks still run
				e := s.read("/", func(r *http.Request) {
					*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
						DNSDone: func(httptrace.DNSDoneInfo) { dns.Add(1) },
					}))
				})
				secure := o.TLS || o.HTTP2
				if e.DNS <= 0 || e.Connect <= 0 || (e.TLS > 0) != secure || !e.OwnDial {
					t.Errorf("DNS %v, connect %v, TLS %v, own dial %v", e.DNS, e.Connect, e.TLS, e.OwnDial)
				}
				if sum := e.DNS + e.Connect + e.TLS; sum > e.ConnWait || pooled && sum < slow {
					t.Errorf("DNS %v + connect %v + TLS %v in a wait of %v", e.DNS, e.Connect, e.TLS, e.ConnWait)
				}
				if dns.Load() != 1 {
					t.Errorf("the caller's hook for DNS ran %d times, want 1", dns.Load())
				}
				if e := s.read("/", nil); !e.Reused || e.DNS != 0 || e.Connect != 0 || e.TLS != 0 || e.OwnDial {
					t.Errorf("reused %v, DNS %v, connect %v, TLS %v, own dial %v", e.Reused, e.DNS, e.Connect, e.TLS, e.OwnDial)
				}
			})
		}
	}
}

// TestDialOfAnotherRequestIsNamed: B's dial is slow, B is served by A's
// connection, and C gets the connection of B's dial.
func TestDialOfAnotherRequestIsNamed(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			held := map[string]chan struct{}{"/a": make(chan struct{}), "/b": make(chan struct{})}
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				if c := held[r.URL.Path]; c != nil {
					<-c
				}
			}), testserver.Options{TLS: secure})
			defer srv.Close()
			dialing, release := make(chan struct{}, 10), make(chan struct{})
			first := true
			base := srv.Transport()
			base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if !first {
					dialing <- struct{}{}
					<-release
				}
				first = false
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			spans := tracetest.NewInMemoryExporter()
			ends, observed := collect()
			p := pool.New(pool.Options{})
			client := roundtripper.Client(&http.Client{Transport: base}, ends,
				trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))}).Middleware, p.Middleware)
			defer client.CloseIdleConnections()
			get := func(path string) *http.Response {
				resp, err := client.Get(srv.URL + path)
				if err != nil {
					t.Error(err)
					return &http.Response{Body: http.NoBody}
				}
				return resp
			}
			finish := func(resp *http.Response) roundtripper.Exchange {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				return <-observed
			}

			a := get("/a")
			served := make(chan *http.Response)
			go func() { served <- get("/b") }()
			<-dialing
			close(held["/a"])
			finish(a)
			b := <-served
			close(release)
			eventually.True(t, "B's dial to go idle", func() bool { return p.Stats().Idle > 0 })
			reused := false // by what httptrace says
			req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
			}), "GET", srv.URL+"/c", nil)
			c, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			ec := finish(c)
			close(held["/b"])
			eb := finish(b)
			if !reused {
				t.Error("no dial race: httptrace calls the connection new")
			}
			if !eb.Reused || eb.OwnDial || eb.Connect != 0 {
				t.Errorf("B: reused %v, own dial %v, connect %v", eb.Reused, eb.OwnDial, eb.Connect)
			}
			if ec.Reused || ec.ConnUses != 1 || ec.OwnDial || ec.Connect <= 0 || (ec.TLS > 0) != secure || ec.NewReason == "" {
				t.Errorf("C: %+v", ec)
			}
			if got := spans.GetSpans(); len(got) != 3 || ec.DialedBy.SpanID != got[2].SpanContext.SpanID() {
				t.Errorf("C's connection was dialed by span %x, want B's", ec.DialedBy.SpanID)
			}
		})
	}
}
