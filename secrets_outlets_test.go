package warmconn_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// outlet is a way by which something leaves the kit. What leaves by it is told to a teller
// under its name. A new one has its name, its lines of api/ and a control here, and is
// listened to in a scene, or by the teller: a page is fetched, a profile is written.
type outlet struct {
	name string
	// control is what is known to leave by it: an outlet that nobody listens to is silent.
	control string
	// api are the lines of api/ that it stands for, each behind the name of its file. One
	// that ends in a space stands for all that begin so.
	api []string
}

const shownHost = "example.com" // which the test server's certificate is for

var outlets = []outlet{
	{name: "span name", control: "GET /{template}"},
	{name: "url.full", control: "@" + shownHost},
	{name: "span attribute", control: "server.address=" + shownHost},
	{name: "span status", control: "malformed"},
	{name: "span event", control: shownHost},
	{name: "span link", control: "warmconn.new_reason=body_unread"},
	{name: "metric", control: shownHost},
	{name: "Exchange", control: shownHost, api: []string{
		"roundtripper: func (Exchange) Format(fmt.State, rune)",
		"roundtripper: func (Exchange) MarshalJSON() ([]byte, error)",
		"roundtripper: func (Exchange) String() string",
		"roundtripper: func ExchangeOf(*http.Response) (Exchange, bool)",
		"roundtripper: type Observer struct, End func(context.Context, Exchange)",
	}},
	{name: "Log", control: shownHost, api: []string{"roundtripper: func Log(*slog.Logger) Middleware"}},
	{name: "Describe", control: "pool: ", api: []string{"roundtripper: func Describe(http.RoundTripper) string"}},
	{name: "Stats", control: shownHost, api: []string{
		"pool: func (*Pool) Stats() Stats", "warmconn: func (*Kit) Stats() pool.Stats",
		"pool: func (Stats) MarshalJSON() ([]byte, error)", "pool: func (NewConns) Frames() []runtime.Frame",
	}},
	{name: "Conns", control: shownHost, api: []string{"pool: func (*Pool) Conns() []ConnInfo"}},
	{name: "ConnListener", control: shownHost, api: []string{
		"pool: type ConnListener struct, Acquired func(ConnEvent)", "pool: type ConnListener struct, Closed func(ConnEvent)",
		"pool: type ConnListener struct, Opened func(ConnEvent)", "pool: type ConnListener struct, Released func(ConnEvent)",
		"pool: type ConnListener struct, Retired func(ConnEvent)",
	}},
	{name: "InFlight", control: shownHost, api: []string{"pool: func (*Pool) InFlight() []Request", "pool: func (Request) Frames() []runtime.Frame"}},
	{name: "poolz", control: shownHost, api: []string{"pool_poolz: func Handler(*pool.Pool) http.Handler"}},
	{name: "OpenBodies", control: "refused", api: []string{"pool: type Options struct, OpenBodies *pprof.Profile"}},
	{name: "Leak", control: shownHost, api: []string{"pool: type Options struct, OnLeak func(Leak)", "pool: func (Leak) Frames() []runtime.Frame"}},
	{name: "Warning", control: "owns no connections", api: []string{
		"pool: type Options struct, OnWarning func(Warning)", "warmconn: type Options struct, OnWarning func(pool.Warning)",
		"pool: func (Warning) String() string",
	}},
	{name: "LimitError", control: shownHost, api: []string{"pool: func (*LimitError) Error() string", "pool: func (*LimitError) ErrorType() string"}},
	{name: "error of Warm", control: "pool: Warm: ", api: []string{"pool: func (*Pool) Warm(context.Context, http.RoundTripper, string, int) (int, error)"}},
	{name: "pooltest", control: shownHost, api: []string{
		"pool_pooltest: func AssertNoLeaks(testing.TB) *pool.Pool", "pool_pooltest: func AssertReused(testing.TB, int) *pool.Pool",
		"pool_pooltest: func CheckPool(testing.TB, *pool.Pool)", "pool_pooltest: func CheckReused(testing.TB, *pool.Pool, int)",
	}},
	{name: "printed body", control: "body"},
	{name: "printed context", control: "WithRecord"},
	{name: "log", control: "the test itself"},
	{name: "OpenTelemetry's error handler", control: "the test itself"},
}

// teller looks for secrets in what is told, by outlet. It is safe for concurrent use.
type teller struct {
	finder finder

	mu      sync.Mutex
	brought map[string]bool // sources
	alive   map[string]bool // outlets that have told their control
	shown   map[shown]bool  // what outlets were there to show
	leaked  map[shown]bool  // what they were not
	leaks   []string        // in words
}

type shown struct{ outlet, source string }

func newTeller(f finder) *teller {
	return &teller{finder: f, brought: make(map[string]bool), alive: make(map[string]bool), shown: make(map[shown]bool), leaked: make(map[shown]bool)}
}

// say says what leaves by an outlet.
func (l *teller) say(name string, texts ...string) {
	i := slices.IndexFunc(outlets, func(o outlet) bool { return o.name == name })
	if i < 0 {
		panic("no outlet: " + name)
	}
	for _, text := range texts {
		found := l.finder.in(text)
		l.mu.Lock()
		if strings.Contains(text, outlets[i].control) {
			l.alive[name] = true
		}
		for _, from := range found {
			may := slices.ContainsFunc(sources, func(s source) bool { return s.name == from && slices.Contains(s.shownBy, name) })
			switch {
			case may:
				l.shown[shown{name, from}] = true
			case !l.leaked[shown{name, from}]:
				l.leaked[shown{name, from}] = true
				l.leaks = append(l.leaks, fmt.Sprintf("%s shows the %s: %.400s", name, from, text))
			}
		}
		l.mu.Unlock()
	}
}

// secret is the canary of a source that a scene brings in.
func (l *teller) secret(from string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.ContainsFunc(sources, func(s source) bool { return s.name == from }) {
		panic("no source: " + from)
	}
	l.brought[from] = true
	return canary(from)
}

// show says v in all the ways in which it is printed, logged and written.
func (l *teller) show(outlet string, v any) {
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		l.say(outlet, fmt.Sprintf(format, v))
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("shown", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("shown", "v", v)
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		l.say(outlet, err.Error())
	}
	l.say(outlet, b.String())
}

func (l *teller) listener() pool.ConnListener {
	tell := func(e pool.ConnEvent) { l.show("ConnListener", e) }
	return pool.ConnListener{Opened: tell, Acquired: tell, Released: tell, Retired: tell, Closed: tell}
}

func (l *teller) observer() roundtripper.Observer {
	return roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		l.show("Exchange", e)
		l.show("Exchange", &e)
		l.show("Exchange", []roundtripper.Exchange{e})
	}}
}

func (l *teller) leak(k pool.Leak) {
	l.show("Leak", k)
	l.say("Leak", fmt.Sprintf("%+v", k.Frames()))
}

// pool says what a Pool has to tell when it is asked, and its pages.
func (l *teller) pool(p *pool.Pool, handler http.Handler) {
	s := p.Stats()
	l.show("Stats", s)
	for _, n := range s.NewByCaller {
		l.say("Stats", fmt.Sprintf("%+v", n.Frames()))
	}
	l.show("Conns", p.Conns())
	for _, h := range append(s.Hosts, pool.HostStats{}) { // which is for all of them
		for _, form := range []string{"html", "json"} {
			for _, q := range []string{"", shownHost} {
				l.say("poolz", page(handler, url.Values{"host": {h.Host}, "q": {q}, "format": {form}}))
			}
		}
	}
	for _, r := range p.InFlight() {
		l.show("InFlight", r)
		l.say("InFlight", fmt.Sprintf("%+v", r.Frames()))
	}
}

// page is a page of poolz, with its header.
func page(handler http.Handler, q url.Values) string {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/?"+q.Encode(), nil))
	if w.Code != http.StatusOK {
		panic(fmt.Sprintf("poolz answers to %v: %d %s", q, w.Code, w.Body))
	}
	return fmt.Sprint(w.Header(), w.Body)
}

// profile says a profile in both of its forms, packed protobuf and text.
func (l *teller) profile(p *pprof.Profile) {
	for debug := range 2 {
		var b bytes.Buffer
		if err := p.WriteTo(&b, debug); err != nil {
			panic(err)
		}
		text := b.Bytes()
		if debug == 0 {
			packed, err := gzip.NewReader(&b)
			if err != nil {
				panic(err)
			}
			if text, err = io.ReadAll(packed); err != nil {
				panic(err)
			}
		}
		if !bytes.Contains(text, []byte("refused")) { // the scene that has the bodies
			panic(fmt.Sprintf("the profile of open bodies has none with debug %d: %.200q", debug, text))
		}
		l.say("OpenBodies", string(text))
	}
}

func (l *teller) spans(ended []sdktrace.ReadOnlySpan) {
	attributes := func(outlet, name string, all []attribute.KeyValue) {
		for _, kv := range all {
			l.say(outlet, name+" "+string(kv.Key)+"="+kv.Value.String())
		}
	}
	for _, s := range ended {
		l.say("span name", s.Name())
		for _, kv := range s.Attributes() {
			if kv.Key == "url.full" {
				l.say("url.full", kv.Value.String())
				continue
			}
			l.say("span attribute", string(kv.Key)+"="+kv.Value.String())
		}
		l.say("span status", s.Status().Description)
		for _, e := range s.Events() {
			l.say("span event", e.Name)
			attributes("span event", e.Name, e.Attributes)
		}
		for _, k := range s.Links() {
			attributes("span link", "", k.Attributes)
		}
		attributes("span attribute", "resource", s.Resource().Attributes())
		l.say("span attribute", fmt.Sprint(s.InstrumentationScope()))
	}
}

// providers are the SDK's, whose spans and metrics are said when the test ends with them.
func (l *teller) providers(t *testing.T) (tp *sdktrace.TracerProvider, mp *metric.MeterProvider, flush func()) {
	recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	return sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)), metric.NewMeterProvider(metric.WithReader(reader)), func() {
		l.spans(recorder.Ended())
		for _, s := range recorder.Started() {
			if s.EndTime().IsZero() {
				t.Errorf("a span that never ended: %s", s.Name())
			}
		}
		var all metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &all); err != nil {
			t.Error(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				text, err := json.Marshal(m)
				if err != nil {
					t.Error(err)
				}
				l.say("metric", string(text))
			}
		}
	}
}

// logs has what anything logs said, until the test ends.
func (l *teller) logs(t *testing.T) {
	w, flags := log.Writer(), log.Flags()
	log.SetOutput(writer(func(b []byte) { l.say("log", string(b)) }))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { l.say("OpenTelemetry's error handler", err.Error()) }))
	t.Cleanup(func() { log.SetOutput(w); log.SetFlags(flags) })
	log.Print("the test itself")
	slog.Info("the test itself")
	otel.Handle(fmt.Errorf("the test itself"))
}

// logger logs as text and as JSON.
func (l *teller) logger() *slog.Logger {
	w := writer(func(b []byte) { l.say("Log", string(b)) })
	o := &slog.HandlerOptions{Level: slog.LevelDebug}
	return slog.New(slog.NewMultiHandler(slog.NewTextHandler(w, o), slog.NewJSONHandler(w, o)))
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// report is a test of somebody else's, whose failures are said.
type report struct {
	testing.TB
	l    *teller
	ends []func()
}

func (r *report) Helper()           {}
func (r *report) Name() string      { return "reported" }
func (r *report) Cleanup(f func())  { r.ends = append(r.ends, f) }
func (r *report) Error(args ...any) { r.l.say("pooltest", fmt.Sprint(args...)) }
func (r *report) Errorf(format string, args ...any) {
	r.l.say("pooltest", fmt.Sprintf(format, args...))
}

// end is the end of the test.
func (r *report) end() {
	for _, f := range slices.Backward(r.ends) {
		f()
	}
}
