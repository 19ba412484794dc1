package check

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/trace"
)

// The spans of docs/reading-a-span.md are those of three requests, to a server that is
// 20 ms away, in a bubble whose clock moves for nothing else.
func TestSpansInDocsAreReal(t *testing.T) {
	watchSources(t)
	synctest.Test(t, func(t *testing.T) {
		const size = 1 << 20 // more than net/http drains by itself
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(5 * time.Millisecond)
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Write(make([]byte, size))
		}), testserver.Options{Memory: true})
		defer srv.Close()
		transport := srv.Transport()
		transport.DialContext = testserver.Distant(transport.DialContext, 20*time.Millisecond)

		spans := tracetest.NewInMemoryExporter()
		kit := warmconn.New(warmconn.Options{
			Drain: drain.Options{Policy: drain.Never}, // or nothing would be lost
			Trace: trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))},
		})
		client := kit.Client(&http.Client{Transport: transport})
		get := func(path string, read bool) {
			resp, err := client.Get("http://api.example" + path)
			if err != nil {
				t.Fatal(err)
			}
			if read {
				io.Copy(io.Discard, resp.Body)
			}
			resp.Body.Close()
		}
		get("/reports/1?sig=SECRET", false)
		time.Sleep(time.Second)
		get("/reports/2", true)
		time.Sleep(time.Second)
		get("/reports/3", true)

		var b strings.Builder
		all := spans.GetSpans()
		for _, s := range all {
			printSpan(&b, s, all)
		}
		wantGenerated(t, "reading-a-span.md", "spans", b.String())
		if err := kit.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		runtime.KeepAlive(client) // the collector would close its connections from outside of the bubble
	})
}

func printSpan(w io.Writer, s tracetest.SpanStub, all tracetest.SpanStubs) {
	number := func(id [8]byte) int {
		return 1 + slices.IndexFunc(all, func(x tracetest.SpanStub) bool { return x.SpanContext.SpanID() == id })
	}
	fmt.Fprintf(w, "span %d, %s, %v, %s\n", number(s.SpanContext.SpanID()), s.Name, s.EndTime.Sub(s.StartTime), s.Status.Code)
	attrs := slices.Clone(s.Attributes)
	slices.SortFunc(attrs, func(a, b attribute.KeyValue) int { return strings.Compare(string(a.Key), string(b.Key)) })
	for _, a := range attrs {
		fmt.Fprintf(w, "  %-26s %s\n", a.Key, a.Value.String())
	}
	for _, l := range s.Links {
		fmt.Fprintf(w, "  link to span %d            %s=%s\n", number(l.SpanContext.SpanID()), l.Attributes[0].Key, l.Attributes[0].Value.String())
	}
	fmt.Fprintln(w)
}
