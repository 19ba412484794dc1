package roundtripper_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// places are the servers to which a use of a façade may send requests.
type places struct {
	plain, tls string // URLs
	unix       string // a socket
	proxy      *url.URL
	cert       *x509.Certificate
	last       atomic.Pointer[http.Request] // the last request that arrived
	proxied    atomic.Int32
}

func newPlaces(t *testing.T) *places {
	p := &places{unix: filepath.Join(t.TempDir(), "s")}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.last.Store(r)
		io.WriteString(w, "ok")
	})
	plain := testserver.New(h, testserver.Options{})
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(h)
	cert := testserver.NewCert()
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	proxy := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.proxied.Add(1)
		h(w, r)
	}), testserver.Options{})
	t.Cleanup(proxy.Close)
	l, err := net.Listen("unix", p.unix)
	if err != nil {
		t.Fatal(err)
	}
	unix := &http.Server{Handler: h}
	go unix.Serve(l)
	t.Cleanup(func() { unix.Close() })
	p.plain, p.tls, p.cert = plain.URL, secure.URL, cert.Leaf
	p.proxy, _ = url.Parse(proxy.URL)
	return p
}

func (p *places) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

// pin returns a TLS dialer that accepts only the server with the given certificate.
func pin(sum [sha256.Size]byte) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, network, addr string) (net.Conn, error) {
		c, err := tls.Dial(network, addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return nil, err
		}
		if sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw) != sum {
			c.Close()
			return nil, errors.New("fingerprint mismatch")
		}
		return c, nil
	}
}

const (
	served    = ""
	lostClone = "by a Clone or a copy of one"
)

// uses are the ways in which SDKs use a transport that they are handed.
var uses = []struct {
	name string
	// use does it, and returns what the SDK sends its requests by, and where.
	use            func(p *places, t *http.Transport) (http.RoundTripper, string)
	facade, taking string // what the error says: of a Facade, and of a FacadeOf
	check          func(t *testing.T, p *places)
}{
	{name: "moby, WithHTTPClient and WithHost of a unix socket", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t = t.Clone()
		t.DisableCompression = true
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", p.unix)
		}
		return t, "http://docker/"
	}, facade: lostClone, taking: lostClone},
	{name: "moby, WithHTTPClient and WithHost by TCP", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t = t.Clone()
		t.Proxy, t.DialContext = http.ProxyFromEnvironment, new(net.Dialer).DialContext
		return t, p.plain
	}, facade: lostClone, taking: lostClone},
	{name: "moby, WithTLSClientConfig on that", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t = t.Clone()
		t.Proxy, t.DialContext = http.ProxyFromEnvironment, new(net.Dialer).DialContext
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		return t, p.tls
	}, facade: lostClone, taking: lostClone},
	{name: "go-github, WithEnvProxy", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t = t.Clone()
		t.Proxy = http.ProxyURL(p.proxy)
		return t, p.plain
	}, facade: lostClone, taking: lostClone},
	{name: "go-github, WithEnvProxy over https", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t = t.Clone()
		t.Proxy = http.ProxyURL(p.proxy)
		return t, p.tls
	}, facade: lostClone, taking: lostClone},
	{name: "opensearch, InsecureSkipVerify", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t = t.Clone()
		t.TLSClientConfig.InsecureSkipVerify = true
		return t, p.tls
	}, facade: lostClone, taking: lostClone},
	{name: "elastic, CACert", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t = t.Clone()
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM(p.ca())
		return t, p.tls
	}, facade: lostClone, taking: lostClone},
	{name: "elastic, CertificateFingerprint", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.DialTLSContext = pin(sha256.Sum256(p.cert.Raw))
		return t, p.tls
	}, facade: "DialTLSContext was set on a Facade", taking: served},
	{name: "elastic, CertificateFingerprint of another", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.DialTLSContext = pin([sha256.Size]byte{})
		return t, p.tls
	}, facade: "DialTLSContext was set on a Facade", taking: "fingerprint mismatch"},
	{name: "Vault, ConfigureTLS with Insecure", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.TLSClientConfig.InsecureSkipVerify = true
		return t, p.tls
	}, facade: "TLSClientConfig.InsecureSkipVerify was set", taking: served},
	{name: "Vault, ConfigureTLS with a CACert and a server's name", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM(p.ca())
		t.TLSClientConfig.ServerName = "example.com"
		return t, p.tls
	}, facade: "TLSClientConfig.RootCAs was set", taking: served, check: func(t *testing.T, p *places) {
		if name := p.last.Load().TLS.ServerName; name != "example.com" {
			t.Errorf("the server was asked for as %q", name)
		}
	}},
	{name: "Vault, ConfigureTLS with another CACert", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		return t, p.tls
	}, facade: "TLSClientConfig.RootCAs was set", taking: "certificate signed by unknown authority"},
	{name: "Vault, ConfigureTLS with a client's certificate", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		cert := testserver.NewCert()
		t.TLSClientConfig.InsecureSkipVerify = true
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		return t, p.tls
	}, facade: "was set on a Facade", taking: served, check: func(t *testing.T, p *places) {
		if len(p.last.Load().TLS.PeerCertificates) != 1 {
			t.Error("the server got no certificate")
		}
	}},
	{name: "Vault, an address unix://", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.DialContext = func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", p.unix) }
		return t, "http://localhost/"
	}, facade: "DialContext was set on a Facade", taking: served},
	{name: "Vault, OutputCurlString", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		if t.TLSClientConfig.InsecureSkipVerify || t.DisableKeepAlives {
			panic("a field is set that the test has not set")
		}
		return t, p.plain
	}, facade: served, taking: served},
	{name: "Nomad, ConfigureTLS", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.TLSClientConfig.Certificates = []tls.Certificate{testserver.NewCert()}
		t.TLSClientConfig.InsecureSkipVerify = true
		return t, p.tls
	}, facade: "TLSClientConfig.Certificates was set", taking: served, check: func(t *testing.T, p *places) {
		if len(p.last.Load().TLS.PeerCertificates) != 1 {
			t.Error("the server got no certificate")
		}
	}},
	{name: "Nomad, a client of a node, copied field by field", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		return &http.Transport{Proxy: t.Proxy, DialContext: t.DialContext, TLSClientConfig: t.TLSClientConfig, TLSNextProto: t.TLSNextProto}, p.plain
	}, facade: lostClone, taking: lostClone},
	{name: "resty, SetTLSClientConfig", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.TLSClientConfig = testserver.Trusts(tls.Certificate{Leaf: p.cert})
		return t, p.tls
	}, facade: "TLSClientConfig.RootCAs was set", taking: served},
	{name: "resty, SetRootCertificateFromString", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		if t.TLSClientConfig.RootCAs == nil {
			t.TLSClientConfig.RootCAs = x509.NewCertPool()
		}
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM(p.ca())
		return t, p.tls
	}, facade: "TLSClientConfig.RootCAs was set", taking: served},
	{name: "resty, SetProxy", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.Proxy = http.ProxyURL(p.proxy)
		return t, "http://nowhere.invalid/"
	}, facade: "Proxy was set on a Facade", taking: served, check: func(t *testing.T, p *places) {
		if p.proxied.Load() != 1 {
			t.Error("the proxy was not asked")
		}
	}},
	{name: "limits and time-outs", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout, t.DisableKeepAlives = 7, time.Minute, true
		return t, p.plain
	}, facade: "was set on a Facade", taking: served, check: func(t *testing.T, p *places) {
		if !p.last.Load().Close {
			t.Error("keep-alives are on")
		}
	}},
	{name: "a WebSocket handshake over https", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		return roundtripper.Func(func(r *http.Request) (*http.Response, error) {
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Upgrade", "websocket")
			return t.RoundTrip(r)
		}), p.tls
	}, facade: "a WebSocket handshake over https", taking: "a WebSocket handshake over https"},
	{name: "what is there is wrapped", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		proxy, dial := t.Proxy, t.DialTLSContext
		t.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r) }
		t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) { return dial(ctx, network, addr) }
		t.TLSClientConfig.InsecureSkipVerify = true
		return t, p.tls
	}, facade: "was set on a Facade", taking: served},
	{name: "Protocols written into", use: func(p *places, t *http.Transport) (http.RoundTripper, string) {
		t.Protocols.SetHTTP2(true)
		return t, p.plain
	}, facade: "Protocols was set on a Facade", taking: "Protocols was set on a FacadeOf, and can't be taken over: a façade has Protocols of its own"},
}

// TestSDKsGetWhatTheySetOrAreRefused: no setting of an SDK is dropped in silence, and no
// request goes past the layers.
func TestSDKsGetWhatTheySetOrAreRefused(t *testing.T) {
	for _, u := range uses {
		for _, kind := range []string{"Facade", "FacadeOf"} {
			t.Run(u.name+"/"+kind, func(t *testing.T) {
				p := newPlaces(t)
				var ends atomic.Int32
				observe := roundtripper.Observe(roundtripper.Observer{End: func(context.Context, roundtripper.Exchange) { ends.Add(1) }})
				po := pool.New(pool.Options{})
				defer po.Close()
				mw := []roundtripper.Middleware{observe, drain.New(drain.Options{}).Middleware, po.Middleware}
				base := &http.Transport{Proxy: http.ProxyFromEnvironment}
				facade, want := roundtripper.FacadeOf(base, mw...), u.taking
				if kind == "Facade" {
					facade, want = roundtripper.Facade(roundtripper.Wrap(base, mw...)), u.facade
				}
				rt, url := u.use(p, facade)
				body := &closes{Reader: strings.NewReader("hello")}
				req, _ := http.NewRequest("POST", url, body)
				resp, err := rt.RoundTrip(req)
				eventually.True(t, "the request's body is closed", func() bool { return body.n.Load() > 0 })
				if want != served {
					if err == nil {
						resp.Body.Close()
						t.Fatalf("it was answered %s, want an error that says %q", resp.Status, want)
					}
					if !strings.Contains(err.Error(), want) {
						t.Errorf("got %v, want an error that says %q", err, want)
					}
					if p.last.Load() != nil {
						t.Error("a request was sent")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if ends.Load() != 1 || po.Stats().Opened != 1 {
					t.Errorf("%d exchanges through the layers, %d connections of pool's, want one", ends.Load(), po.Stats().Opened)
				}
				if u.check != nil {
					u.check(t, p)
				}
			})
		}
	}
}

// closes counts its Closes.
type closes struct {
	io.Reader
	n atomic.Int32
}

func (c *closes) Close() error { c.n.Add(1); return nil }

// TestFacadeOfLeavesTheBaseAlone: an SDK that adds to the base's own certificates does
// so on the façade.
func TestFacadeOfLeavesTheBaseAlone(t *testing.T) {
	p := newPlaces(t)
	base := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
	facade := roundtripper.FacadeOf(base, pool.New(pool.Options{}).Middleware)
	facade.TLSClientConfig.RootCAs.AppendCertsFromPEM(p.ca())
	client := &http.Client{Transport: facade}
	resp, err := client.Get(p.tls)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !base.TLSClientConfig.RootCAs.Equal(x509.NewCertPool()) {
		t.Error("the base trusts what the SDK trusts")
	}
}

// TestFacadeOfTakesOverAnew: settings that change between requests are taken over each time, as
// by Vault's setters.
func TestFacadeOfTakesOverAnew(t *testing.T) {
	p := newPlaces(t)
	var made atomic.Int32
	po := pool.New(pool.Options{})
	facade := roundtripper.FacadeOf(&http.Transport{}, func(next http.RoundTripper) http.RoundTripper {
		made.Add(1)
		return po.Middleware(next)
	})
	client := &http.Client{Transport: facade}
	get := func(wantClose bool) {
		t.Helper()
		resp, err := client.Get(p.plain)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if p.last.Load().Close != wantClose {
			t.Errorf("the request asks for its connection's end: %v", !wantClose)
		}
	}
	get(false)
	get(false)
	if po.Stats().Opened != 1 || made.Load() != 1 {
		t.Fatalf("%d connections, %d stacks, want one", po.Stats().Opened, made.Load())
	}
	facade.DisableKeepAlives = true
	get(true)
	facade.DisableKeepAlives = false
	get(false)
	get(false)
	if made.Load() != 3 {
		t.Errorf("%d stacks, want one for each time that it was set", made.Load())
	}
}

// TestFirstRequestsThroughAFacadeMayComeAtOnce: one stack is built for all of them.
func TestFirstRequestsThroughAFacadeMayComeAtOnce(t *testing.T) {
	p := newPlaces(t)
	var made atomic.Int32
	facade := roundtripper.FacadeOf(&http.Transport{}, func(next http.RoundTripper) http.RoundTripper {
		made.Add(1)
		return next
	}, pool.New(pool.Options{}).Middleware)
	facade.TLSClientConfig.InsecureSkipVerify = true
	client := &http.Client{Transport: facade}
	errs := make(chan error)
	const n = 20
	for range n {
		go func() {
			resp, err := client.Get(p.tls)
			if err == nil {
				err = resp.Body.Close()
			}
			roundtripper.Describe(facade)
			facade.Clone()
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if made.Load() != 1 {
		t.Errorf("%d stacks were built", made.Load())
	}
}

func TestFacadeOfOnABaseThatCantBeCloned(t *testing.T) {
	p := newPlaces(t)
	base := new(http.Transport)
	base.RegisterProtocol("file", http.NewFileTransport(http.Dir(".")))
	facade := roundtripper.FacadeOf(base, pool.New(pool.Options{}).Middleware)
	client := &http.Client{Transport: facade}
	resp, err := client.Get(p.plain)
	if err != nil {
		t.Fatalf("nothing was set: %v", err)
	}
	resp.Body.Close()
	facade.MaxIdleConns = 3
	if _, err := client.Get(p.plain); err == nil || !strings.Contains(err.Error(), `MaxIdleConns was set on a FacadeOf, and can't be taken over: the scheme "file" is registered`) {
		t.Errorf("got %v", err)
	}
	if d := roundtripper.Describe(facade); !strings.Contains(d, "no request is sent: warmconn: MaxIdleConns") {
		t.Errorf("described as %q", d)
	}
}

// TestFacadeOfSpeaksWhatTheBaseSpeaks: a clone of the base must not lose HTTP/2, and an
// SDK may switch it off.
func TestFacadeOfSpeaksWhatTheBaseSpeaks(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{HTTP2: true})
	defer srv.Close()
	for name, tt := range map[string]struct {
		set  func(t *http.Transport)
		want int
	}{
		"nothing set": {func(*http.Transport) {}, 2},
		"a limit set": {func(t *http.Transport) { t.MaxIdleConns = 3 }, 2},
		"written to":  {func(t *http.Transport) { t.TLSClientConfig.ServerName = "example.com" }, 2},
		"replaced":    {func(t *http.Transport) { t.TLSClientConfig = srv.ClientTLS() }, 2},
		"off": {func(t *http.Transport) {
			t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}, 1},
		"Protocols": {func(t *http.Transport) {
			t.Protocols = new(http.Protocols)
			t.Protocols.SetHTTP1(true)
		}, 1},
		"dialer wrapped": {func(t *http.Transport) {
			dial := t.DialContext
			t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) { return dial(ctx, network, addr) }
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			base := srv.Transport()
			base.DialContext = new(net.Dialer).DialContext
			facade := roundtripper.FacadeOf(base, pool.New(pool.Options{}).Middleware)
			tt.set(facade)
			client := &http.Client{Transport: facade}
			defer client.CloseIdleConnections()
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.ProtoMajor != tt.want {
				t.Errorf("HTTP/%d, want HTTP/%d", resp.ProtoMajor, tt.want)
			}
			if _, err := (&http.Client{Transport: facade.Clone()}).Get(srv.URL); err == nil || !strings.Contains(err.Error(), lostClone) {
				t.Errorf("a clone: %v", err)
			}
		})
	}
}

// TestAFacadeAllocatesLittle: for each request its settings are compared.
func TestAFacadeAllocatesLittle(t *testing.T) {
	stub := roundtripper.Func(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	})
	base := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
	for name, rt := range map[string]http.RoundTripper{
		"Facade":   roundtripper.Facade(stub),
		"FacadeOf": roundtripper.FacadeOf(base, func(http.RoundTripper) http.RoundTripper { return stub }),
	} {
		req, _ := http.NewRequest("GET", "http://host.example/", nil)
		rt.RoundTrip(req)
		if n := testing.AllocsPerRun(100, func() { rt.RoundTrip(req) }); n > 1 {
			t.Errorf("%s: %v allocations, want that of the response", name, n)
		}
	}
}

func BenchmarkFacade(b *testing.B) {
	stub := roundtripper.Func(func(r *http.Request) (*http.Response, error) { return nil, io.EOF })
	for _, bb := range []struct {
		name string
		rt   http.RoundTripper
	}{{"none", stub}, {"facade", roundtripper.Facade(stub)}} {
		b.Run(bb.name, func(b *testing.B) {
			req, _ := http.NewRequest("GET", "http://host.example/", nil)
			b.ReportAllocs()
			for b.Loop() {
				bb.rt.RoundTrip(req)
			}
		})
	}
}

func TestFacadesAreSeenThrough(t *testing.T) {
	p := newPlaces(t)
	base := new(http.Transport)
	po := pool.New(pool.Options{})
	facade := roundtripper.FacadeOf(base, po.Middleware)
	facade.TLSClientConfig.InsecureSkipVerify = true
	client := &http.Client{Transport: facade}
	resp, err := client.Get(p.tls)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	want := "facade: an *http.Transport for SDKs that insist on one, whose settings are taken over below\npool: "
	if d := roundtripper.Describe(facade); !strings.HasPrefix(d, want) || !strings.Contains(d, "owns the connections") {
		t.Errorf("described as %q", d)
	}
	if inner, ok := roundtripper.As[*http.Transport](facade); !ok || inner == facade || inner == base {
		t.Error("As does not find the transport that has what was set")
	}
	if n := po.Stats().Hosts[0].Idle; n != 1 {
		t.Fatalf("%d idle", n)
	}
	client.CloseIdleConnections()
	if n := po.Stats().Hosts[0].Idle; n != 0 {
		t.Errorf("%d idle behind CloseIdleConnections", n)
	}
}

// TestBodiesKeepTheirTypeThroughAFacade: net/http wraps a body before it hands the request to
// a registered RoundTripper.
func TestBodiesKeepTheirTypeThroughAFacade(t *testing.T) {
	for _, body := range []io.Reader{strings.NewReader("x"), bytes.NewReader([]byte("x")), &closes{Reader: strings.NewReader("x")}, http.NoBody} {
		req, _ := http.NewRequest("POST", "http://host.example/", body)
		facade := roundtripper.Facade(roundtripper.Func(func(r *http.Request) (*http.Response, error) {
			if r.Body != req.Body {
				t.Errorf("the layers see a %T, want the caller's %T", r.Body, req.Body)
			}
			return &http.Response{StatusCode: 204, Body: http.NoBody, Request: r}, nil
		}))
		if _, err := facade.RoundTrip(req); err != nil {
			t.Error(err)
		}
	}
}
