package sdktest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// Kit is what an SDK's test may use of the kit. With bare net/http it does
// nothing, so that the same lines make both clients.
type Kit interface {
	Client(*http.Client) *http.Client
	Wrap(http.RoundTripper) http.RoundTripper
	Middleware(http.RoundTripper) http.RoundTripper
}

// Env is what a client is made for: one server, with or without the kit.
type Env struct {
	// URL is the server's, without a slash at the end, and Addr its host and port,
	// or the path of its socket.
	URL, Addr string
	// TLS says that URL is https; CA is then the server's certificate, as PEM.
	TLS bool
	CA  []byte
	// Base is a copy of http.DefaultTransport, that trusts the server.
	Base *http.Transport
	// Kit wraps, or does nothing.
	Kit Kit
	// Provider makes the caller's spans and the kit's.
	Provider *sdktrace.TracerProvider
}

// Propagator is the one that spans are sent with.
var propagator = propagation.TraceContext{}

// Propagator is what an SDK's own instrumentation should inject with.
func (e *Env) Propagator() propagation.TextMapPropagator { return propagator }

// Roots trusts the server.
func (e *Env) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(e.CA)
	return roots
}

// CAFile is the path of a file that has CA.
func (e *Env) CAFile(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, e.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newEnv(srv *testserver.Server, proto protocol, unix string, k Kit, tp *sdktrace.TracerProvider) *Env {
	e := &Env{URL: srv.URL, Addr: srv.Addr, TLS: proto != plain, Kit: k, Provider: tp}
	e.Base = http.DefaultTransport.(*http.Transport).Clone()
	e.Base.TLSHandshakeTimeout = time.Minute // on a busy machine 40 at once take long
	if e.TLS {
		e.Base.TLSClientConfig = srv.ClientTLS()
		e.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	}
	if proto == tlsHTTP1 {
		e.Base.ForceAttemptHTTP2 = false
		e.Base.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	if unix != "" {
		e.Addr = unix
		e.Base.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", unix)
		}
	}
	return e
}

// none is bare net/http.
type none struct{}

func (none) Client(c *http.Client) *http.Client                { return c }
func (none) Wrap(rt http.RoundTripper) http.RoundTripper       { return rt }
func (none) Middleware(rt http.RoundTripper) http.RoundTripper { return rt }

// kit is the preset with zero options, but for what the harness listens to.
type kit struct {
	*warmconn.Kit

	mu       sync.Mutex
	leaks    []pool.Leak
	warnings []pool.Warning
}

func newKit(tp *sdktrace.TracerProvider, annotate bool) *kit {
	k := new(kit)
	var o warmconn.Options
	o.Trace.TracerProvider, o.Trace.Propagator, o.Annotate = tp, propagator, annotate
	o.Pool.OnLeak = k.leaked
	o.OnWarning = k.warned
	k.Kit = warmconn.New(o)
	return k
}

func (k *kit) leaked(l pool.Leak) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leaks = append(k.leaks, l)
}

func (k *kit) warned(w pool.Warning) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.warnings = append(k.warnings, w)
}

// found is what the kit has complained of.
func (k *kit) found() ([]pool.Leak, []pool.Warning) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.leaks, k.warnings
}
