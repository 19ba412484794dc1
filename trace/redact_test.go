package trace_test

import (
	"net/http"
	"net/url"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/trace"
)

// fullURL is url.full of a request to u.
func fullURL(t *testing.T, o trace.Options, u *url.URL) string { return fullURLs(o)(t, u) }

// fullURLs has a Tracer for all that it is asked.
func fullURLs(o trace.Options) func(*testing.T, *url.URL) string {
	recorder := tracetest.NewSpanRecorder()
	o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	rt := trace.New(o).Middleware(stub.Transport{})
	return func(t *testing.T, u *url.URL) string {
		recorder.Reset()
		if err := stub.Do(rt, &http.Request{Method: "GET", URL: u, Header: http.Header{}}); err != nil {
			t.Fatal(err)
		}
		return attrs(recorder.Ended()[0])["url.full"].AsString()
	}
}

// The short way to a URL's text has the same result as net/url's.
func FuzzURLText(f *testing.F) {
	for _, s := range []string{"http://host.example/a/b?x=1", "http://HOST.example:80/", "http://host:/", "https://[::1]:8443", "http://h/%2F", "http://h/ü", "http://h?", "http://h/a?sig=s;b=c&sig=d", "//h/p", "http://h/a:b~c_d.e-f"} {
		f.Add(s)
	}
	full := fullURLs(trace.Options{RedactQuery: []string{}})
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse(s)
		if err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			t.Skip()
		}
		if got := full(t, u); got != u.String() {
			t.Errorf("url.full is %q, want %q", got, u)
		}
	})
}
