package trace_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/trace"
)

// fullURL is url.full of a request to u.
func fullURL(t *testing.T, o trace.Options, u *url.URL) string {
	recorder := tracetest.NewSpanRecorder()
	o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	rt := trace.New(o).Middleware(stub.Transport{})
	if err := stub.Do(rt, &http.Request{Method: "GET", URL: u, Header: http.Header{}}); err != nil {
		t.Fatal(err)
	}
	return attrs(recorder.Ended()[0])["url.full"].AsString()
}

// The short way to a URL's text has the same result as net/url's.
func FuzzURLText(f *testing.F) {
	for _, s := range []string{"http://host.example/a/b?x=1", "http://HOST.example:80/", "http://host:/", "https://[::1]:8443", "http://h/%2F", "http://h/ü", "http://h?", "http://h/a?sig=s;b=c&sig=d", "//h/p", "http://h/a:b~c_d.e-f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse(s)
		if err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			t.Skip()
		}
		if got := fullURL(t, trace.Options{RedactQuery: []string{}}, u); got != u.String() {
			t.Errorf("url.full is %q, want %q", got, u)
		}
	})
}

// In any query the values of the secret keys are not shown, and all else is unchanged.
func FuzzRedactQuery(f *testing.F) {
	for _, s := range []string{"sig=s", "a=b&sig=s&c", "%73ig=s", "+sig=s", "sig=a=b;sig=", "sig", "&&=;", "%zz=s&sig=s", "Sig=s", "=v", "sig%=s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var want strings.Builder
		for rest, more := query, true; more; {
			var part string
			end := strings.IndexAny(rest, "&;")
			if part, more = rest, end >= 0; more {
				part = rest[:end]
			}
			key, _, found := strings.Cut(part, "=")
			name, err := url.QueryUnescape(key)
			if err != nil {
				name = key
			}
			if found && (name == "sig" || name == " x") {
				part = key + "=REDACTED"
			}
			want.WriteString(part)
			if more {
				want.WriteByte(rest[end])
				rest = rest[end+1:]
			}
		}
		u := &url.URL{Scheme: "http", Host: "host.example", Path: "/", RawQuery: query}
		_, got, _ := strings.Cut(fullURL(t, trace.Options{RedactQuery: []string{"sig", " x"}}, u), "?")
		if got != want.String() {
			t.Errorf("%q is %q, want %q", query, got, want.String())
		}
	})
}
