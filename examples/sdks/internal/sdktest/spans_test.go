package sdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/deadline"
)

const scope = "github.com/warmconn/warmconn/trace"

// traceparent is what ctx's span is sent as.
func traceparent(ctx context.Context) string {
	h := make(propagation.HeaderCarrier)
	propagator.Inject(ctx, h)
	return http.Header(h).Get("Traceparent")
}

func TestEachFaultOfSpansIsFound(t *testing.T) {
	var tp *sdktrace.TracerProvider
	// span makes one of the kit's below ctx's, which has ended, and returns its traceparent.
	span := func(ctx context.Context) string {
		ctx, s := tp.Tracer(scope).Start(ctx, "GET", oteltrace.WithSpanKind(oteltrace.SpanKindClient))
		s.End()
		return traceparent(ctx)
	}
	tests := []struct {
		name string
		wire func(ctx context.Context) []string
		want string // "" if nothing is wrong
	}{
		{"one a request", func(ctx context.Context) []string { return []string{span(ctx), span(ctx)} }, ""},
		{"a request without", func(ctx context.Context) []string { return []string{span(ctx), ""} }, "which is no span's"},
		{"the caller's own", func(ctx context.Context) []string { return []string{traceparent(ctx)} }, "of caller"},
		{"two requests with one", func(ctx context.Context) []string { s := span(ctx); return []string{s, s} }, "has 2 requests"},
		{"one without a request", func(ctx context.Context) []string { span(ctx); return []string{span(ctx)} }, "no request that came"},
		{"no parent", func(context.Context) []string { return []string{span(context.Background())} }, "has nothing as parent"},
		{"never ended", func(ctx context.Context) []string {
			tp.Tracer(scope).Start(ctx, "GET")
			return []string{span(ctx)}
		}, "never ended"},
		{"nested", func(ctx context.Context) []string {
			ctx, outer := tp.Tracer(scope).Start(ctx, "GET")
			defer outer.End()
			return []string{span(ctx), traceparent(ctx)}
		}, "as parent, want caller"},
		{"somebody else's", func(ctx context.Context) []string {
			_, s := tp.Tracer("else").Start(ctx, "GET")
			s.End()
			return []string{span(ctx)}
		}, "of else"},
	}
	for _, test := range tests {
		r := new(recorder)
		tp = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r))
		ctx, call := tp.Tracer(caller).Start(context.Background(), "call")
		wire := test.wire(ctx)
		call.End()
		wrong := strings.Join(Spans{}.check(r, wire), "\n")
		if (test.want == "") != (wrong == "") || !strings.Contains(wrong, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, wrong, test.want)
		}
	}
}

func TestOutcomesDifferWhereCallersCanTell(t *testing.T) {
	failed := fmt.Errorf("reading from 127.0.0.1:4711: %w", io.ErrUnexpectedEOF)
	same := [][2]string{
		{outcome("", failed), outcome("", fmt.Errorf("reading from 127.0.0.1:4712: %w", io.ErrUnexpectedEOF))},
		{outcome("", fmt.Errorf("a: %w", context.Canceled)), outcome("", context.Canceled)},
	}
	for _, pair := range same {
		if pair[0] != pair[1] {
			t.Errorf("%q and %q differ", pair[0], pair[1])
		}
	}
	all := []string{
		outcome("", nil), outcome("a", nil), outcome(strings.Repeat("a", 100), nil), outcome(strings.Repeat("b", 100), nil), outcome("", failed),
		outcome("", errors.New("reading from 127.0.0.1:4711: unexpected EOF")), outcome("", context.Canceled), outcome("", context.DeadlineExceeded),
		outcome("", &http.ProtocolError{ErrorString: "x"}), outcome("", errors.New("x")),
	}
	seen := make(map[string]bool)
	for _, o := range all {
		if seen[o] {
			t.Errorf("%q twice", o)
		}
		seen[o] = true
	}
}

func TestWhatIsBelowAnExpiredContextIsPastItsDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	expired, _ := deadline.Below(ctx)
	below, stop := context.WithCancel(expired)
	defer stop()
	cancel()
	<-below.Done()
	if err := below.Err(); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}
