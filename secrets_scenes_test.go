package warmconn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/pooltest"
	"github.com/warmconn/warmconn/pool/poolz"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// scene is a kit over a server, and requests with a secret in each place where there
// can be one.
type scene struct {
	*testing.T
	*teller
	srv     *testserver.Server
	arrived chan struct{} // a request that is kept waiting
	opts    trace.Options
	owned   bool
	rt      http.RoundTripper // the kit over the base
	parents []oteltrace.Span  // of the requests
	bodies  *pprof.Profile    // those that are open
}

// playScenes plays all scenes to one teller.
func playScenes(t *testing.T) *teller {
	l := newTeller(newFinder())
	l.logs(t)
	for i, v := range []struct {
		name string
		opts trace.Options
	}{
		{"zero", trace.Options{}},
		{"events, headers", trace.Options{Phases: trace.PhaseEvents, PhaseHeaders: true, ConnectionSpans: true}},
		{"spans", trace.Options{Phases: trace.PhaseSpans, ConnectionSpans: true}},
		{"annotate", trace.Options{Annotate: true}},
		{"at headers", trace.Options{EndAtHeaders: true, PeerAddress: true}},
	} {
		for _, owned := range []bool{true, false} {
			for _, h2 := range []bool{true, false} {
				if !fullsize.Asked() && (owned == h2) != (i%2 == 0) { // the small size has each pair of options, owned and http2, but not all three
					continue
				}
				t.Run(fmt.Sprintf("%s owned=%v http2=%v", v.name, owned, h2), func(t *testing.T) {
					s := &scene{T: t, teller: l, opts: v.opts, owned: owned, arrived: make(chan struct{}, 1)}
					s.srv = testserver.New(s, testserver.Options{HTTP2: h2})
					defer s.srv.Close()
					s.play()
				})
			}
		}
	}
	return l
}

// base is a transport that finds the server under every name but one, as the pool owns
// it or not.
func (s *scene) base(change func(*http.Transport)) http.RoundTripper {
	base := s.srv.Transport()
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		s.say("printed context", fmt.Sprint(ctx))
		if strings.HasPrefix(addr, "failing.") {
			return nil, errors.New(s.secret("error of the dialer"))
		}
		return s.srv.Dial(ctx, network, s.srv.Addr)
	}
	if change != nil {
		change(base)
	}
	s.Cleanup(base.CloseIdleConnections)
	if s.owned {
		return base
	}
	return roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		s.say("printed context", fmt.Sprint(req.Context()))
		if strings.HasPrefix(req.URL.Path, "/fail/") {
			return nil, errors.New(s.secret("error of the base"))
		}
		return base.RoundTrip(req)
	})
}

func (s *scene) play() {
	tp, mp, flush := s.providers(s.T)
	s.opts.TracerProvider, s.opts.MeterProvider = tp, mp
	s.opts.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	s.bodies = pprof.NewProfile(s.Name())
	var dropped, suspected atomic.Int32
	kit := warmconn.New(warmconn.Options{Trace: s.opts, Pool: pool.Options{
		MaxPerHost: 2, MaxWaiting: -1, AlwaysCaller: true, LeakAfter: 5 * time.Millisecond, Listener: s.listener(), OpenBodies: s.bodies,
		OnWarning: func(w pool.Warning) { s.show("Warning", w) },
		OnLeak: func(k pool.Leak) {
			s.leak(k)
			if k.Suspected {
				suspected.Add(1)
			} else {
				dropped.Add(1)
			}
		},
	}})
	over := func(base http.RoundTripper) http.RoundTripper {
		return roundtripper.Wrap(base, roundtripper.Observe(s.observer()), roundtripper.Log(s.logger()), kit.Middleware)
	}
	s.rt = over(s.base(nil))
	s.say("Describe", roundtripper.Describe(s.rt))
	pages := poolz.Handler(kit.Pool)
	page(pages, nil) // from then on it has events

	s.everything()
	s.redirected()
	s.badRequests()
	s.badResponses()
	s.proxied(over)
	s.canceled()
	s.dropped()
	eventually.Collected(s.T, "the dropped body", func() bool { return dropped.Load() > 0 })
	s.refused(kit.Pool, pages, &suspected)
	s.warmed(kit.Pool)
	s.panics()
	s.tested()
	s.pool(kit.Pool, pages)
	if err := kit.Shutdown(s.Context()); err != nil {
		s.Error(err)
	}
	s.show("Stats", kit.Stats())
	for _, parent := range s.parents {
		parent.End()
	}
	flush()
}

// url is one of the server's under its name, with what a URL may have that is secret.
func (s *scene) url(path string) string {
	scheme, _, _ := strings.Cut(s.srv.URL, ":")
	inner := url.QueryEscape("https://bucket.example/?code=" + s.secret("query of a URL in a query"))
	return scheme + "://" + s.secret("user") + ":" + s.secret("password") + "@" + shownHost + path + "/" + s.secret("path") +
		"?shown=" + s.secret("query value") + "&access_token=" + s.secret("query value of a credential") +
		"&%58-aMZ-sIGNATURE=" + s.secret("query value of a credential in another spelling") + "&u=" + inner +
		"#" + s.secret("fragment")
}

// valued is a context with a value and baggage, which the request says.
func (s *scene) valued() context.Context {
	type key struct{}
	value := "v"
	if !s.opts.PhaseHeaders { // which shows the header that it becomes
		value = s.secret("baggage")
	}
	m, err := baggage.NewMember("k", value)
	if err != nil {
		s.Fatal(err)
	}
	b, err := baggage.New(m)
	if err != nil {
		s.Fatal(err)
	}
	ctx := context.WithValue(baggage.ContextWithBaggage(s.Context(), b), key{}, struct{ v string }{s.secret("value of a context")})
	ctx, parent := s.opts.TracerProvider.Tracer("test").Start(trace.URLTemplate(ctx, "/{template}"), "parent")
	s.parents = append(s.parents, parent)
	return ctx
}

func (s *scene) request(ctx context.Context, method, path string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, s.url(path), body)
	if err != nil {
		s.Fatal(err)
	}
	return req
}

// send sends a request and shows what is told of it; its body is left to the caller.
func (s *scene) send(req *http.Request) *http.Response {
	resp, err := s.rt.RoundTrip(req)
	var limit *pool.LimitError
	if errors.As(err, &limit) {
		s.show("LimitError", limit)
		s.show("LimitError", *limit)
		s.say("LimitError", limit.ErrorType())
	}
	if err != nil {
		return nil
	}
	if e, ok := roundtripper.ExchangeOf(resp); ok {
		s.show("Exchange", e)
	}
	s.printBody(resp)
	return resp
}

func (s *scene) printBody(resp *http.Response) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		s.say("printed body", fmt.Sprintf("body "+format, resp.Body))
	}
}

func (s *scene) read(resp *http.Response) {
	if resp == nil {
		return
	}
	io.Copy(io.Discard, resp.Body)
	s.printBody(resp)
	resp.Body.Close()
}

// everything has a secret in each part of a request and of its response.
func (s *scene) everything() {
	for range 2 {
		req := s.request(s.valued(), "POST", "", io.MultiReader(strings.NewReader(s.secret("request body"))))
		req.Header.Set("Authorization", "Bearer "+s.secret("Authorization"))
		req.Header.Set("Cookie", "session="+s.secret("Cookie"))
		req.Header.Set("Proxy-Authorization", s.secret("Proxy-Authorization"))
		req.Header.Set("Referer", "http://host.example/?token="+s.secret("Referer"))
		if !s.opts.PhaseHeaders { // which is there to show it
			req.Header.Set("X-Api-Key", s.secret("request header"))
		}
		req.Trailer = http.Header{"X-Trailer": {s.secret("request trailer")}}
		resp := s.send(req)
		if resp == nil {
			s.Fatal("no response")
		}
		s.read(resp)
	}
	// Closed unread, and what it cost; and what the server has to say in a line that is none.
	for _, path := range []string{"/endless", "/after", "/reason"} {
		if resp := s.send(s.request(s.valued(), "GET", path, nil)); resp != nil {
			resp.Body.Close()
		}
	}
}

func (s *scene) redirected() {
	client := &http.Client{Transport: s.rt}
	resp, err := client.Do(s.request(s.valued(), "GET", "/redirect", nil))
	if err != nil {
		s.Fatal(err)
	}
	s.read(resp)
}

// badRequests are those that fail before they are sent, or as they are.
func (s *scene) badRequests() {
	s.send(s.request(s.valued(), "POST", "", failingBody{s.secret("error of the request body")}))
	req := s.request(s.valued(), "GET", "", nil)
	req.URL = &url.URL{Scheme: req.URL.Scheme, Host: "u:" + s.secret("user of a host made by hand") + "@" + shownHost, Path: "/"}
	s.send(req)
	req = s.request(s.valued(), "GET", "", nil)
	req.URL = &url.URL{Scheme: req.URL.Scheme, Host: shownHost, Opaque: "//" + s.secret("opaque URL") + "@" + shownHost + "/?" + s.secret("opaque URL")}
	s.read(s.send(req))
	req = s.request(s.valued(), "GET", "", nil)
	req.URL.Host = "failing.example.com"
	s.send(req)
	s.read(s.send(s.request(s.valued(), "GET", "/fail", nil)))
}

// badResponses are those that no HTTP is, or that do not come to their end.
func (s *scene) badResponses() {
	for _, path := range []string{"/malformed", "/chunks", "/cut"} {
		s.read(s.send(s.request(s.valued(), "GET", path, nil)))
	}
}

// proxied has a proxy that wants credentials: one that forwards, one that refuses to
// connect; and a check of TLS that fails.
func (s *scene) proxied(over func(http.RoundTripper) http.RoundTripper) {
	direct := s.rt
	defer func() { s.rt = direct }()
	for _, scheme := range []string{"http", "https"} {
		s.rt = over(s.base(func(base *http.Transport) {
			base.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.com:3128", User: url.UserPassword(s.secret("user of the proxy"), s.secret("password of the proxy"))})
			base.ProxyConnectHeader = http.Header{"X-Key": {s.secret("ProxyConnectHeader")}}
		}))
		req := s.request(s.valued(), "GET", "", nil)
		req.URL.Scheme = scheme
		s.read(s.send(req))
		s.say("Describe", roundtripper.Describe(s.rt))
	}
	s.rt = over(s.base(func(base *http.Transport) {
		if c := base.TLSClientConfig; c != nil {
			c.VerifyConnection = func(tls.ConnectionState) error { return errors.New(s.secret("error of a TLS check")) }
		}
	}))
	s.read(s.send(s.request(s.valued(), "GET", "", nil)))
}

// canceled has a caller that says why it gave up.
func (s *scene) canceled() {
	ctx, cancel := context.WithCancelCause(s.valued())
	defer cancel(nil)
	go func() {
		<-s.arrived
		cancel(errors.New(s.secret("cause of a context")))
	}()
	s.read(s.send(s.request(ctx, "GET", "/wait", nil)))
}

// dropped leaves a body to the collector.
//
//go:noinline
func (s *scene) dropped() { s.send(s.request(s.valued(), "GET", "/big", nil)) }

// refused holds all slots, looks at who has them, and asks for one more.
func (s *scene) refused(p *pool.Pool, pages http.Handler, suspected *atomic.Int32) {
	var held []*http.Response
	for range 2 {
		held = append(held, s.send(s.request(s.valued(), "GET", "/big", nil)))
	}
	s.send(s.request(s.valued(), "GET", "", nil))
	s.teller.pool(p, pages)
	s.profile(s.bodies)
	eventually.True(s.T, "a body that is suspected", func() bool { return suspected.Load() > 0 })
	for _, resp := range held {
		s.read(resp)
	}
}

func (s *scene) warmed(p *pool.Pool) {
	for _, u := range []string{"ftp://u:%s@" + shownHost + "/%[1]s?token=%[1]s", "http://u:%s@" + shownHost + ":port/?token=%[1]s", "http:%s", "%s"} {
		n, err := p.Warm(s.valued(), s.rt, fmt.Sprintf(u, s.secret("URL to warm")), 1)
		s.say("error of Warm", fmt.Sprint(n, err))
		if err == nil {
			s.Error("warmed: " + u)
		}
	}
}

// panics has functions of the program's panic, below the SDK's spans.
func (s *scene) panics() {
	for _, o := range []trace.Options{
		{Propagator: panicking{propagation.TraceContext{}, s.secret("panic value")}},
		{EndAtHeaders: true, SpanName: func(*http.Request) string { panic(s.secret("panic value")) }},
	} {
		o.TracerProvider, o.MeterProvider = s.opts.TracerProvider, s.opts.MeterProvider
		rt := warmconn.New(warmconn.Options{Trace: o, Pool: pool.Options{Listener: s.listener()}}).Wrap(s.base(nil))
		func() {
			defer func() {
				if recover() == nil {
					s.Error("no panic")
				}
			}()
			rt.RoundTrip(s.request(s.Context(), "GET", "", nil))
		}()
	}
}

// tested is what a test of somebody else's reports.
func (s *scene) tested() {
	r := &report{l: s.teller}
	p := pooltest.AssertNoLeaks(r)
	pooltest.CheckReused(r, p, 0)
	direct := s.rt
	s.rt = p.Middleware(s.base(nil))
	s.dropped()
	s.read(s.send(s.request(s.valued(), "GET", "", nil)))
	s.rt = direct
	r.end()
}

type failingBody struct{ text string }

func (b failingBody) Read([]byte) (int, error) { return 0, errors.New(b.text) }

type panicking struct {
	propagation.TextMapPropagator
	text string
}

func (p panicking) Inject(context.Context, propagation.TextMapCarrier) { panic(p.text) }
