package trace

import (
	"crypto/tls"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/word"
)

// methodOf returns the method as the conventions want it, and the original if
// that is another one: a short word, for its length and characters are the caller's.
func methodOf(m string) (method, original string) {
	switch m {
	case "":
		return http.MethodGet, "" // net/http's default
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace, "QUERY":
		return m, ""
	default:
		return "_OTHER", word.Of(m)
	}
}

// handshake appends the facts of the connection's TLS handshake, if there was one.
func handshake(attrs []attribute.KeyValue, c *ledger.NetConn) []attribute.KeyValue {
	t := c.TLS()
	v, ok := strings.CutPrefix(tls.VersionName(t.Version), "TLS ")
	if !ok {
		return attrs
	}
	return append(attrs, semconv.TLSProtocolNameTLS, semconv.TLSProtocolVersion(v), semconv.TLSResumed(t.Resumed))
}

// version turns "HTTP/1.1" into "1.1", and "HTTP/2.0" into "2".
func version(proto string) string {
	switch v := strings.TrimPrefix(proto, "HTTP/"); v {
	case "2.0":
		return "2"
	case "3.0":
		return "3"
	default:
		return word.Of(v) // somebody else's base may say anything
	}
}
