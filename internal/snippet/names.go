package snippet

// Kit are the names that the kit's documents use: its packages, the standard library's,
// OpenTelemetry's, and variables that a reader has.
func Kit() Names {
	const module = "github.com/warmconn/warmconn"
	const otel = "go.opentelemetry.io/otel"
	return Names{
		Imports: map[string]string{
			"warmconn": module, "roundtripper": module + "/roundtripper", "drain": module + "/drain",
			"pool": module + "/pool", "pooltest": module + "/pool/pooltest", "poolz": module + "/pool/poolz", "trace": module + "/trace",
			"cleanhttp": "github.com/hashicorp/go-cleanhttp",
			"otel":      otel, "sdktrace": otel + "/sdk/trace", "tracetest": otel + "/sdk/trace/tracetest",
			"sdkmetric": otel + "/sdk/metric", "attribute": otel + "/attribute",
			"context": "context", "errors": "errors", "json": "encoding/json", "fmt": "fmt", "io": "io", "log": "log", "math": "math", "slog": "log/slog",
			"http": "net/http", "httptest": "net/http/httptest", "os": "os", "pprof": "runtime/pprof", "strings": "strings", "sync": "sync",
			"testing": "testing", "time": "time",
		},
		Vars: map[string]string{
			"client": "*http.Client", "base": "http.RoundTripper", "transport": "*http.Transport",
			"ctx": "context.Context", "req": "*http.Request", "resp": "*http.Response", "url": "string",
			"err": "error", "t": "*testing.T", "kit": "*warmconn.Kit",
		},
	}
}
